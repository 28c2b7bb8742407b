"""Runs first in the packed program: hands `dataclasses` the byte code of the methods that it writes.

At every import of a dataclass, the standard library writes its methods as text and compiles that, which is a
fifth of the time to the first window. The build compiled the same texts (resources/packaging/generated.py);
one that it did not foresee is compiled as ever, so nothing depends on this file.
"""

import dataclasses
import marshal
import sys
from pathlib import Path


def _begin() -> None:
    try:
        compiled = marshal.loads(Path(sys._MEIPASS, "generated_code.bin").read_bytes())
    except (OSError, ValueError, EOFError):
        return

    def run(text, names, found):
        code = compiled.get(text)
        exec(text if code is None else marshal.loads(code), names, found)

    dataclasses.exec = run


_begin()
