"""B and S while the quantity is selected: the next order's side, and not a letter in a number."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent

from core.domain.terms import Side
from ui.widgets.fields import NumberField

_SIDES = {Qt.Key.Key_B: Side.BUY, Qt.Key.Key_S: Side.SELL}


class SideKeys(QObject):
    """Watches one field. What stands in it unselected is being typed, and then a letter is a letter."""

    def __init__(self, field: NumberField, chosen: Callable[[Side], None]) -> None:
        super().__init__(field)
        self._field, self._chosen = field, chosen
        field.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is not QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        side = _SIDES.get(Qt.Key(event.key()))
        is_bare = not event.modifiers() and not event.isAutoRepeat()
        if side is None or not is_bare or self._field.selectedText() != self._field.text():
            return super().eventFilter(watched, event)
        self._chosen(side)
        self._field.selectAll()
        return True
