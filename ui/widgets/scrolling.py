"""A scroll area without a frame, that never scrolls sideways."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget


def fill_bare(area: QScrollArea, content: QWidget) -> None:
    """Let an area show its content, as wide as the area is."""
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidgetResizable(True)
    area.setWidget(content)


def scrolled(content: QWidget, most: int) -> QScrollArea:
    """Return an area as high as its content, and at most so many px; the keyboard scrolls it."""
    area = QScrollArea()
    fill_bare(area, content)
    area.setFixedHeight(min(most, content.sizeHint().height() + 4))
    return area
