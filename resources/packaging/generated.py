"""Compiles at build time what would be compiled at every start; see hooks/generated_code.py.

python -O -m resources.packaging.generated FILE
"""

import builtins
import dataclasses
import importlib
import marshal
import sys
from pathlib import Path
from types import CodeType
from typing import Any

# What the window imports before its first picture; what comes later is nobody's wait.
FIRST = ("app.cli", "app.profile", "app.opening", "app.crash", "core.logs", "app.desktop")
# PySide6 carries a part of itself as source, for whatever Python it meets.
EMBEDDED = "shibokensupport"


def compiled() -> tuple[dict[str, bytes], dict[bytes, bytes]]:
    """Import the program, and return what is compiled on the way, each text with its byte code.

    Returns:
        The methods that `dataclasses` writes, and the sources that PySide6 carries.
    """
    methods: dict[str, CodeType] = {}
    sources: dict[bytes, CodeType] = {}
    compile_it = compile

    def run(text: str, names: dict[str, Any], made: dict[str, Any]) -> None:
        methods[text] = compile_it(text, "<string>", "exec", dont_inherit=True)
        exec(methods[text], names, made)

    def make(source: Any, filename: Any, mode: str, *rest: Any, **named: Any) -> Any:
        made = compile_it(source, filename, mode, *rest, **named)
        if str(filename).startswith(EMBEDDED) and not rest and not named:
            sources[source] = made
        return made

    dataclasses.exec = run  # type: ignore[attr-defined]
    builtins.compile = make
    for name in FIRST:
        importlib.import_module(name)
    builtins.compile = compile_it
    del dataclasses.exec  # type: ignore[attr-defined]
    return packed(methods), packed(sources)


def packed(found: dict[Any, CodeType]) -> dict[Any, bytes]:
    """Pack each byte code by itself, in an order that says nothing of the run."""
    return {text: marshal.dumps(found[text]) for text in sorted(found)}


def main() -> None:
    """Write the file that is named."""
    Path(sys.argv[1]).write_bytes(marshal.dumps(compiled()))


if __name__ == "__main__":
    main()
