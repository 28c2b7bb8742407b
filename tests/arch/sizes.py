"""The limits of size. Raising one takes an ADR; complexity is ruff's (C901)."""

import ast
from collections.abc import Iterator

from tests.arch.source import Module

MODULE_LINES = 400
CLASS_LINES = 250
CLASS_METHODS = 20
FUNCTION_STATEMENTS = 40
# Where programs of this kind lose their shape first.
TIGHTER = {"ui/main_window.py": 300, "core/orders/oms.py": 300}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def too_large(module: Module) -> Iterator[str]:
    lines = module.text.count("\n")
    limit = TIGHTER.get(module.path, MODULE_LINES)
    if lines > limit:
        yield f"{module.path}: {lines} lines, {limit} are allowed"
    for node in ast.walk(module.tree):
        place = f"{module.path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, Function):
            statements = sum(isinstance(inner, ast.stmt) for inner in ast.walk(node)) - 1
            if statements > FUNCTION_STATEMENTS:
                yield f"{place} {node.name}: {statements} statements, {FUNCTION_STATEMENTS} are allowed"
        elif isinstance(node, ast.ClassDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            methods = sum(isinstance(inner, Function) for inner in node.body)
            if length > CLASS_LINES:
                yield f"{place} {node.name}: {length} lines, {CLASS_LINES} are allowed"
            if methods > CLASS_METHODS:
                yield f"{place} {node.name}: {methods} methods, {CLASS_METHODS} are allowed"
