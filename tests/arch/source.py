"""Reads the sources as syntax trees for the tests of this folder."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = ("app", "core", "ui", "migrations")


@dataclass(frozen=True, slots=True)
class Module:
    """One source file; `path` is relative to the root, with slashes."""

    path: str
    text: str
    tree: ast.Module
    aliases: dict[str, str]


def _aliases(tree: ast.Module) -> dict[str, str]:
    """Map each imported name to the dotted name that it stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                top = name.name.partition(".")[0]
                names[name.asname or top] = name.name if name.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def module(path: str, text: str) -> Module:
    tree = ast.parse(text)
    return Module(path, text, tree, _aliases(tree))


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Return every Python file of these folders of the tree."""
    found = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return tuple(
        module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in found
    )


def dotted(node: ast.expr, aliases: dict[str, str]) -> str:
    """Return the full dotted name of an expression such as `dt.now`, or "" if it is not a name."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, aliases)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called_method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def strings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Yield every text of a program that is not a docstring."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node
