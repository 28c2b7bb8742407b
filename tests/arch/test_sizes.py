"""Modules, classes and functions stay small enough to be read at one go."""

import pytest

from tests.arch import sizes
from tests.arch.source import PROGRAM, module, modules

LONG_FUNCTION = "def f():\n" + "    x = 1\n" * (sizes.FUNCTION_STATEMENTS + 1)
LONG_CLASS = "class C:\n" + "    x = 1\n" * sizes.CLASS_LINES
WIDE_CLASS = "class C:\n" + "".join(
    f"    def m{number}(self): pass\n" for number in range(sizes.CLASS_METHODS + 1)
)
LONG_MODULE = "x = 1\n" * (sizes.MODULE_LINES + 1)


def test_sizes_of_the_tree_are_within_limits():
    found = [words for source in modules(*PROGRAM) for words in sizes.too_large(source)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", [LONG_FUNCTION, LONG_CLASS, WIDE_CLASS, LONG_MODULE])
def test_sizes_over_a_limit_are_found(text):
    assert len(list(sizes.too_large(module("core/x.py", text)))) == 1


def test_sizes_at_a_limit_are_allowed():
    at_limit = "\n".join(LONG_FUNCTION.splitlines()[:-1]) + "\n"

    assert not list(sizes.too_large(module("core/x.py", at_limit)))


@pytest.mark.parametrize("path", sizes.TIGHTER)
def test_sizes_of_the_two_shapeless_files_are_tighter(path):
    text = "x = 1\n" * (sizes.TIGHTER[path] + 1)

    assert list(sizes.too_large(module(path, text)))
