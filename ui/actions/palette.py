"""Ctrl+K: one field that finds every command and symbol, and says why something cannot be done."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from ui.actions.hit_painter import HEADING, ROW, paint_hit
from ui.actions.registry import ActionRegistry
from ui.actions.search import Hit, HitKind, Symbols, find
from ui.theme.fonts import REGULAR, font
from ui.theme.icons import paint_icon
from ui.theme.tokens import tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.empty import cap_width, paint_cap
from ui.widgets.scrim import Scrim
from ui.widgets.sheet import paint_sheet

WIDTH = 640
_TOP = 7
_INPUT = 52
_FOOT = 30
_LEGEND = (("↑↓", "choose"), ("Enter", "run"), ("Tab", "symbol only"))


class Palette(Scrim):
    """Lies over the window while it is open.

    Attributes:
        symbol_chosen: a symbol was chosen.
        refused: a command that cannot be done now was chosen; the reason stands beside it already.
    """

    symbol_chosen = Signal(str)
    refused = Signal(str)

    def __init__(
        self, window: QWidget, registry: ActionRegistry, symbols: Symbols, holes: Sequence[QWidget] = ()
    ) -> None:
        super().__init__(window, holes)
        self._registry, self._symbols = registry, symbols
        self._hits: list[Hit] = []
        self._current = 0
        self._symbols_only = False
        self._before: QWidget | None = None
        self.setObjectName("dialog.palette")
        self.setAccessibleName("Command palette")
        self._input = QLineEdit(self)
        self._input.setProperty("bare", True)
        self._input.setFont(font(16))
        self._input.setAccessibleName("Symbol or command")
        self._input.setPlaceholderText("Symbol or command")
        self._input.textChanged.connect(self._search)
        self._input.installEventFilter(self)

    def open_palette(self, text: str = "", *, symbols_only: bool = False) -> None:
        """Open with a text; the focus goes back to where it was when it closes."""
        window = self.window()
        self._before = window.focusWidget()
        self._symbols_only = symbols_only
        self.cover()
        self.show()
        self._input.setText(text)
        self._search()
        self._input.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def dismiss(self) -> None:
        """Close; nothing is done."""
        self.hide()
        if self._before is not None and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)

    @property
    def current(self) -> Hit | None:
        """The line that Enter would run."""
        return self._hits[self._current] if self._hits else None

    def _search(self) -> None:
        self._hits = find(self._registry, self._symbols, self._input.text(), symbols_only=self._symbols_only)
        self._current = 0
        self._lay_out()

    def _move(self, by: int) -> None:
        if self._hits:
            self._current = (self._current + by) % len(self._hits)
            hit = self._hits[self._current]
            self._input.setAccessibleDescription(f"{hit.title} {hit.detail}")
            self.update()

    def _run(self) -> None:
        hit = self.current
        if hit is None:
            return
        if hit.kind is HitKind.SYMBOL:
            self.dismiss()
            self.symbol_chosen.emit(hit.id)
        elif hit.is_enabled:
            self.dismiss()
            self._registry.run(hit.id)
        else:
            self.refused.emit(hit.detail)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._input and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key(event)
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._move(-1 if key == Qt.Key.Key_Up else 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self._run()
        elif key == Qt.Key.Key_Escape:
            self.dismiss()
        elif key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            self._symbols_only = not self._symbols_only
            self._search()
        else:
            return False
        return True

    def cover(self) -> None:
        super().cover()
        self._lay_out()

    def _sheet(self) -> QRect:
        width = min(WIDTH, self.width() - 24)
        left = max(12, round((self.width() - width) * 0.704))  # over the field that it grows out of
        if self.width() < 1400:
            left = (self.width() - width) // 2
        headings = HEADING * len({hit.kind for hit in self._hits})
        return QRect(left, _TOP, width, _INPUT + 14 + headings + ROW * len(self._hits) + _FOOT)

    def _lay_out(self) -> None:
        sheet = self._sheet()
        self._input.setGeometry(sheet.x() + 40, sheet.y() + 10, sheet.width() - 110, 32)
        self.update()

    def _lines(self) -> list[tuple[Hit | HitKind, QRect]]:
        sheet = self._sheet()
        y = sheet.y() + _INPUT + 6
        lines: list[tuple[Hit | HitKind, QRect]] = []
        kind: HitKind | None = None
        for hit in self._hits:
            if hit.kind is not kind:
                kind = hit.kind
                lines.append((kind, QRect(sheet.x(), y, sheet.width(), HEADING)))
                y += HEADING
            lines.append((hit, QRect(sheet.x() + 8, y, sheet.width() - 16, ROW)))
            y += ROW
        return lines

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        if not self._sheet().contains(point):
            self.dismiss()
            return
        for line, rect in self._lines():
            if isinstance(line, Hit) and rect.contains(point):
                self._current = self._hits.index(line)
                self._run()
                return

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 300)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter, look, sheet = QPainter(self), tokens(), self._sheet()
        paint_sheet(painter, QRectF(sheet))
        paint_icon(painter, "magnifying-glass", QRect(sheet.x() + 15, sheet.y() + 18, 16, 16))
        right = sheet.right() - 15
        paint_cap(painter, right - cap_width("Esc") + 1, sheet.y() + 26, "Esc", look.text2, look.line)
        painter.fillRect(QRect(sheet.x() + 1, sheet.y() + _INPUT - 1, sheet.width() - 2, 1), look.line)
        for line, rect in self._lines():
            if isinstance(line, Hit):
                paint_hit(painter, line, rect, is_current=line is self.current)
            else:
                draw_text(painter, rect.x() + 15, rect.y(), HEADING, line.value, 11, REGULAR, look.text2)
        self._foot(painter, sheet)
        painter.end()

    def _foot(self, painter: QPainter, sheet: QRect) -> None:
        look, top = tokens(), sheet.bottom() + 1 - _FOOT
        painter.fillRect(QRect(sheet.x() + 1, top, sheet.width() - 2, 1), look.line)
        x: float = sheet.x() + 15
        for key, word in _LEGEND:
            x += paint_cap(painter, x, top + _FOOT / 2, key, look.text2, look.line) + 8
            ink = look.text1 if word == "symbol only" and self._symbols_only else look.text2
            x += draw_text(painter, x, top, _FOOT, word, 11, REGULAR, ink) + 16
        number = len(self._hits)
        words = "nothing found" if not number else f"{number} result{'s' if number > 1 else ''}"
        draw_text(
            painter, sheet.right() - 15 - text_width(words, 11), top, _FOOT, words, 11, REGULAR, look.text2
        )
