"""Compiles at build time what would be compiled at every start; see hooks/short_start.py.

python -O -m resources.packaging.generated FILE
"""

import builtins
import dataclasses
import importlib
import marshal
import re
import sys
from pathlib import Path
from types import CodeType
from typing import Any

# What the window imports before its first picture; what comes later is nobody's wait.
FIRST = ("app.cli", "app.profile", "app.opening", "app.crash", "core.logs", "app.desktop")
# PySide6 carries a part of itself as source, for whatever Python it meets.
EMBEDDED = "shibokensupport"
# Of `re` itself, where patterns are translated, and where that makes what matches by them.
TRANSLATOR: Any = vars(re)["_compiler"]
MATCHER: Any = vars(TRANSLATOR)["_sre"]


def compiled() -> tuple[dict[str, bytes], dict[bytes, bytes], dict[tuple[str | bytes, int], bytes]]:
    """Import the program, and return what is compiled on the way, each text with its byte code.

    Returns:
        The methods that `dataclasses` writes, the sources that PySide6 carries, and, by their flags too,
        the patterns of regular expressions.
    """
    methods: dict[str, CodeType] = {}
    sources: dict[bytes, CodeType] = {}
    patterns: dict[tuple[str | bytes, int], tuple[Any, ...]] = {}
    compile_it = compile
    translate = TRANSLATOR.compile

    def run(text: str, names: dict[str, Any], made: dict[str, Any]) -> None:
        methods[text] = compile_it(text, "<string>", "exec", dont_inherit=True)
        exec(methods[text], names, made)

    def make(source: Any, filename: Any, mode: str, *rest: Any, **named: Any) -> Any:
        made = compile_it(source, filename, mode, *rest, **named)
        if str(filename).startswith(EMBEDDED) and not rest and not named:
            sources[source] = made
        return made

    def pattern(text: Any, flags: int = 0) -> re.Pattern[Any]:
        seen = Seen()
        TRANSLATOR._sre = seen  # noqa: SLF001 - there is no other way in
        try:
            found: re.Pattern[Any] = translate(text, flags)
        finally:
            TRANSLATOR._sre = MATCHER  # noqa: SLF001
        if isinstance(text, str | bytes):
            patterns[text, int(flags)] = seen.made
        return found

    dataclasses.exec = run  # type: ignore[attr-defined]
    builtins.compile = make
    TRANSLATOR.compile = pattern
    for name in FIRST:
        importlib.import_module(name)
    TRANSLATOR.compile = translate
    builtins.compile = compile_it
    del dataclasses.exec  # type: ignore[attr-defined]
    return packed(methods), packed(sources), packed(patterns)


class Seen:
    """Stands before the matcher of `re`, and notes what one is made of."""

    made: tuple[Any, ...]

    def __getattr__(self, name: str) -> Any:
        return getattr(MATCHER, name)

    def compile(self, text: Any, flags: int, code: list[int], groups: int, by_name: Any, names: Any) -> Any:
        self.made = int(flags), [int(each) for each in code], groups, dict(by_name), tuple(names)
        return MATCHER.compile(text, *self.made)


def packed(found: dict[Any, Any]) -> dict[Any, bytes]:
    """Pack what belongs to each text by itself, in an order that says nothing of the run."""
    return {text: marshal.dumps(found[text]) for text in sorted(found, key=repr)}


def main() -> None:
    """Write the file that is named."""
    Path(sys.argv[1]).write_bytes(marshal.dumps(compiled()))


if __name__ == "__main__":
    main()
