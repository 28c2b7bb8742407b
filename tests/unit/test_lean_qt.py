"""What PySide6 is kept from doing at every import."""

import subprocess
import sys

from tests.arch.source import ROOT

PROGRAM = """
import inspect, sys
from app import lean_qt
lean_qt.load()
read = []
whole = inspect.getsource
inspect.getsource = lambda thing: read.append(thing) or whole(thing)
import core.domain.radar
from PySide6.QtCore import QObject
made = QObject()
made.setObjectName("a name")
print(len(read), made.objectName())
"""


def test_source_of_no_module_is_read_after_qt_is_loaded_and_names_stay_as_they_were():
    command = [sys.executable, "-c", PROGRAM]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert ran.stdout == "0 a name\n"
