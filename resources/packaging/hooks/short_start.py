"""Runs first in the packed program: makes its start short.

At every import of a dataclass the standard library writes its methods as text and compiles that; regular
expressions are translated at every start; and PySide6 carries a part of itself as source: together a third of
the time to the first window. The build compiled the same texts (resources/packaging/generated.py), and this
hands them out; one that it did not foresee is compiled as ever, so nothing depends on this file.

It also keeps the archive of the modules open. To open it anew for each one takes time, and what an upgrade
puts in its place while the program runs has other modules at other places.
"""

import builtins
import marshal
import os
import re
import sys
import zlib
from _sre import compile as matcher
from contextlib import suppress
from pathlib import Path

_translator = re._compiler


def _begin():
    try:
        methods, sources, patterns = marshal.loads(Path(sys._MEIPASS, "generated_code.bin").read_bytes())
    except (OSError, ValueError, EOFError):
        return
    translate, compile_it = _translator.compile, builtins.compile

    def run(text, names, found):
        code = methods.get(text)
        exec(text if code is None else marshal.loads(code), names, found)

    def make(source, filename, mode, *rest, **named):
        code = None if rest or named or type(source) is not bytes else sources.pop(source, None)
        if not sources:
            builtins.compile = compile_it  # all of them are out: nobody else is to meet this
        return compile_it(source, filename, mode, *rest, **named) if code is None else marshal.loads(code)

    def pattern(text, flags=0):
        made = patterns.get((text, int(flags))) if type(text) in (str, bytes) else None
        return translate(text, flags) if made is None else matcher(text, *marshal.loads(made))

    _translator.compile = pattern
    builtins.compile = make
    import dataclasses  # now, as it has patterns too

    dataclasses.exec = run


def _keep_open():
    # WORKAROUND(PyInstaller 6): its reader has no such wish. Where it has another shape, it stays as it is.
    archive = sys.modules.get("pyimod01_archive")
    reader = getattr(sys.modules.get("pyimod02_importers"), "pyz_archive", None)
    if archive is None or reader is None or not hasattr(os, "pread"):
        return
    file = os.open(reader._filename, os.O_RDONLY | os.O_CLOEXEC)
    begin, entries, as_before = reader._start_offset, reader.toc, reader.extract
    modules = (archive.PYZ_ITEM_MODULE, archive.PYZ_ITEM_PKG)

    def extract(name, raw=False):
        kind, offset, length = entries.get(name, (None, 0, 0))
        if kind not in modules:
            return as_before(name, raw)
        data = zlib.decompress(os.pread(file, length, begin + offset))
        return data if raw else marshal.loads(data)

    reader.extract = extract


with suppress(OSError, AttributeError):
    _keep_open()
_begin()
