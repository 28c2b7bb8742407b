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


HEAVY = (
    "numpy pandas pyqtgraph sqlalchemy alembic alpaca polygon keyring aiohttp exchange_calendars cryptography"
    " zoneinfo"
)
FIRST_PAINT = f"""
import os, sys
from app import cli, desktop
def painted(self):
    print(sorted(set({HEAVY.split()}) & set(sys.modules)), "PySide6.QtWidgets" in sys.modules, flush=True)
    os._exit(0)
desktop.Desktop._after_first_paint = painted
cli.main(["--data-dir", sys.argv[1], "--demo"])
"""


def test_heavy_libraries_are_not_there_at_the_first_paint(tmp_path):
    command = [sys.executable, "-c", FIRST_PAINT, str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert ran.stdout == "[] True\n"
