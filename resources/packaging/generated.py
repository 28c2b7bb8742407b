"""Compiles at build time what `dataclasses` would compile at every start; see hooks/generated_code.py.

python -O -m resources.packaging.generated FILE
"""

import dataclasses
import importlib
import marshal
import sys
from pathlib import Path
from types import CodeType
from typing import Any

# What the window imports before its first picture; what comes later is nobody's wait.
FIRST = ("app.cli", "app.profile", "app.opening", "app.crash", "core.logs", "app.desktop")


def compiled() -> dict[str, bytes]:
    """Import the program, and return what was written on the way, each with its byte code."""
    found: dict[str, CodeType] = {}

    def run(text: str, names: dict[str, Any], made: dict[str, Any]) -> None:
        found[text] = compile(text, "<string>", "exec", dont_inherit=True)
        exec(found[text], names, made)

    dataclasses.exec = run  # type: ignore[attr-defined]
    for name in FIRST:
        importlib.import_module(name)
    del dataclasses.exec  # type: ignore[attr-defined]
    return {text: marshal.dumps(found[text]) for text in sorted(found)}


def main() -> None:
    """Write the file that is named."""
    Path(sys.argv[1]).write_bytes(marshal.dumps(compiled()))


if __name__ == "__main__":
    main()
