"""Loads Qt for the window without what PySide6 adds to every import after it."""

import sys


def load() -> None:
    """Load Qt, and keep PySide6 from reading the source of every module that is imported from then on.

    WORKAROUND(PYSIDE-2029): it looks there for modules that ask for its other spelling of names
    (`from __feature__ import snake_case`). None of ours do, and it costs a tenth of the time to the first
    window. Should a version of it have no such function, nothing is changed.
    """
    import PySide6.QtWidgets  # noqa: F401 - its effect

    feature = sys.modules.get("shibokensupport.feature")
    if hasattr(feature, "_mod_uses_pyside"):
        setattr(feature, "_mod_uses_pyside", _asks_for_nothing)  # noqa: B010 - no name that a checker knows


def _asks_for_nothing(module: object) -> bool:
    del module
    return False
