"""Alt and a letter is a key of the sheet around a field; a line edit would type the letter."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit


class AltKeysPass(QObject):
    """Lets such keys through to whatever lies around one field."""

    def __init__(self, field: QLineEdit) -> None:
        super().__init__(field)
        field.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        is_alt = isinstance(event, QKeyEvent) and event.modifiers() == Qt.KeyboardModifier.AltModifier
        if is_alt and event.type() is QEvent.Type.KeyPress:
            event.ignore()
            return True
        return super().eventFilter(watched, event)
