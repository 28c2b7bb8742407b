"""Phosphor icons, drawn from the font in qtawesome's package without importing qtawesome (0.1 s).

An icon holds the name of a token, not a colour, so it follows the theme.
"""

import json
from functools import lru_cache

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontDatabase, QIcon, QIconEngine, QPainter, QPixmap

from ui.theme.fonts import package_file
from ui.theme.tokens import tokens

_PACKAGE = "qtawesome"


@lru_cache(maxsize=1)
def _face() -> tuple[str, dict[str, str]]:
    fonts = package_file(_PACKAGE, "fonts")
    face = next(fonts.glob("phosphor-[0-9]*.ttf"))
    codes = json.loads(next(fonts.glob("phosphor-charmap-*.json")).read_text(encoding="utf-8"))
    number = QFontDatabase.addApplicationFont(str(face))
    return QFontDatabase.applicationFontFamilies(number)[0], codes


def glyph(name: str) -> str:
    """Return the character of an icon, to be drawn in ``icon_font``.

    Raises:
        KeyError: Phosphor has no icon of this name.
    """
    return chr(int(_face()[1][name], 16))


@lru_cache(maxsize=8)
def icon_font(size: int) -> QFont:
    """Return the icons' face at ``size`` px. Shared: do not change it."""
    made = QFont(_face()[0])
    made.setPixelSize(size)
    return made


class _GlyphEngine(QIconEngine):
    def __init__(self, name: str, token: str) -> None:
        super().__init__()
        self._name = name
        self._token = token

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        del state
        shown = "text3" if mode is QIcon.Mode.Disabled else self._token
        painter.save()
        painter.setFont(icon_font(min(rect.width(), rect.height())))
        painter.setPen(tokens().colour(shown))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, glyph(self._name))
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        made = QPixmap(size)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return made

    def clone(self) -> QIconEngine:
        return _GlyphEngine(self._name, self._token)


@lru_cache(maxsize=256)
def icon(name: str, ink: str = "text2") -> QIcon:
    """Return a Phosphor icon in the colour of a token: ``text3`` in panel heads, ``text2`` in bars."""
    return QIcon(_GlyphEngine(name, ink))


def paint_icon(painter: QPainter, name: str, area: QRect, ink: str = "text2") -> None:
    """Paint a Phosphor icon into an area."""
    _GlyphEngine(name, ink).paint(painter, area, QIcon.Mode.Normal, QIcon.State.Off)
