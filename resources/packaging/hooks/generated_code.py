"""Runs first in the packed program: hands out the byte code of what would be compiled at every start.

At every import of a dataclass the standard library writes its methods as text and compiles that, and PySide6
carries a part of itself as source: together a quarter of the time to the first window. The build compiled the
same texts (resources/packaging/generated.py); one that it did not foresee is compiled as ever, so nothing
depends on this file.
"""

import builtins
import dataclasses
import marshal
import sys
from pathlib import Path


def _begin():
    try:
        methods, sources = marshal.loads(Path(sys._MEIPASS, "generated_code.bin").read_bytes())
    except (OSError, ValueError, EOFError):
        return
    compile_it = builtins.compile

    def run(text, names, found):
        code = methods.get(text)
        exec(text if code is None else marshal.loads(code), names, found)

    def make(source, filename, mode, *rest, **named):
        code = None if rest or named or type(source) is not bytes else sources.pop(source, None)
        if not sources:
            builtins.compile = compile_it  # all of them are out: nobody else is to meet this
        return compile_it(source, filename, mode, *rest, **named) if code is None else marshal.loads(code)

    dataclasses.exec = run
    builtins.compile = make


_begin()
