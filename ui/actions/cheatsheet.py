"""F1: every key of the catalogue on one sheet, in its sections; the docs print the same lines."""

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from ui.actions.catalog import WIDGET_KEYS
from ui.actions.registry import ActionRegistry
from ui.actions.spec import Scope, Section
from ui.theme.fonts import REGULAR, SEMIBOLD, metrics
from ui.theme.tokens import tokens
from ui.widgets.delegates import draw_text
from ui.widgets.empty import cap_width, paint_cap
from ui.widgets.scrim import Scrim
from ui.widgets.sheet import paint_sheet

Line = tuple[str, str]  # key, words

_COLUMN = 330
_ROW = 24
_HEAD = 34
_PAD = 28
_WHERE = {Scope.TABLE: ", in a table", Scope.TICKET: ", in the ticket", Scope.SHEET: ", on the sheet"}


def sections(registry: ActionRegistry) -> list[tuple[str, list[Line]]]:
    """Return headings with their keys and words, as the sheet and the docs print them."""
    found: list[tuple[str, list[Line]]] = []
    for section in Section:
        lines = [
            (registry.key(spec.id), spec.text.removesuffix("…") + _WHERE.get(spec.scope, ""))
            for spec in registry.specs
            if spec.section is section and registry.key(spec.id)
        ]
        if lines:
            found.append((section.value, lines))
    found.append(("In fields and tables", [(note.key, note.text) for note in WIDGET_KEYS]))
    return found


def count(registry: ActionRegistry) -> int:
    """Return how many keys the sheet shows."""
    return sum(len(lines) for _, lines in sections(registry))


def markdown(registry: ActionRegistry) -> str:
    """Return the sheet as a document."""
    parts = ["# Keys\n"]
    for title, lines in sections(registry):
        parts.append(f"\n## {title}\n\n| key | does |\n|---|---|\n")
        parts.extend(f"| `{key}` | {words} |\n" for key, words in lines)
    return "".join(parts)


class KeySheet(Scrim):
    """The sheet over the window; Esc, F1 or a click closes it."""

    def __init__(self, window: QWidget, registry: ActionRegistry, holes: Sequence[QWidget] = ()) -> None:
        super().__init__(window, holes)
        self._registry = registry
        self._before: QWidget | None = None
        self.setObjectName("dialog.keys")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Key sheet")

    def open_sheet(self) -> None:
        """Show all keys; asked again, close."""
        if self.isVisible():
            self.dismiss()
            return
        self._before = self.window().focusWidget()
        self.setAccessibleDescription(
            "; ".join(f"{key}: {words}" for _, ls in sections(self._registry) for key, words in ls)
        )
        self.cover()
        self.show()
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def dismiss(self) -> None:
        """Close, and give the focus back."""
        self.hide()
        if self._before is not None and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.dismiss()

    def _columns(self) -> list[list[tuple[str, list[Line]]]]:
        number = max(1, min(3, (self.width() - 2 * _PAD) // (_COLUMN - 20)))
        parts = sections(self._registry)
        total = sum(_HEAD + _ROW * len(lines) for _, lines in parts)
        columns: list[list[tuple[str, list[Line]]]] = [[]]
        used = 0
        for part in parts:
            if used >= total / number and len(columns) < number:
                columns.append([])
                used = 0
            columns[-1].append(part)
            used += _HEAD + _ROW * len(part[1])
        return columns

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter, look, columns = QPainter(self), tokens(), self._columns()
        height = (
            max(sum(_HEAD + _ROW * len(lines) for _, lines in column) for column in columns) + 2 * _PAD + 32
        )
        width = len(columns) * _COLUMN + 2 * _PAD
        sheet = QRect((self.width() - width) // 2, max(8, (self.height() - height) // 2), width, height)
        paint_sheet(painter, QRectF(sheet))
        draw_text(painter, sheet.x() + _PAD, sheet.y() + 18, 28, "Keys", 20, SEMIBOLD, look.text1)
        paint_cap(
            painter, sheet.right() - _PAD - cap_width("Esc"), sheet.y() + 32, "Esc", look.text2, look.line
        )
        for number, column in enumerate(columns):
            self._column(painter, column, sheet.x() + _PAD + number * _COLUMN, sheet.y() + _PAD + 28)
        painter.end()

    def _column(self, painter: QPainter, parts: list[tuple[str, list[Line]]], x: int, y: int) -> None:
        look, caps = tokens(), 100
        for title, lines in parts:
            draw_text(painter, x, y + 6, _HEAD - 6, title, 12, SEMIBOLD, look.text2)
            y += _HEAD
            for key, words in lines:
                paint_cap(painter, x, y + _ROW / 2, key, look.text1, look.edge)
                room = _COLUMN - caps - 16
                shown = metrics(12).elidedText(words, Qt.TextElideMode.ElideRight, room)
                draw_text(painter, x + caps, y, _ROW, shown, 12, REGULAR, look.text1)
                y += _ROW
