"""One application for the window's tests: offscreen, Fusion, the bundled face, the dark theme."""

import os

import pytest
from PySide6.QtWidgets import QApplication

from ui.theme.stylesheet import apply_look
from ui.theme.tokens import Look, ThemeName, load_theme

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["investiq-test"]


@pytest.fixture(autouse=True)
def dark_theme(qapp: QApplication) -> None:
    apply_look(qapp, Look(load_theme(ThemeName.DARK)))
