"""The bar under the audit panel's head: which order, whose records, from when and up to when."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSplitter, QVBoxLayout, QWidget

from core.domain.audit import AuditRecord
from core.domain.records import AuditQuery
from ui import format as fmt
from ui.models.columns import Ink
from ui.panels.audit_times import moment_of
from ui.theme.fonts import font
from ui.theme.tokens import density, tokens
from ui.widgets.buttons import Button, Dress
from ui.widgets.labels import Text
from ui.widgets.refusals import mark_refused

TYPING_MS = 250
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 200
_HEIGHT, _FAULT_HEIGHT = 36, 24
_LEAST_ROWS = 3  # that are seen under it


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the bar asks for.

    Attributes:
        order: how our id or the broker's begins.
        actor: a part of the name.
        since_us: our time, microseconds since 1970-01-01 UTC; None from the beginning.
        until_us: the same, not itself included; None to the end.
    """

    order: str = ""
    actor: str = ""
    since_us: int | None = None
    until_us: int | None = None

    def query(self, text: str, before_seq: int | None, limit: int) -> AuditQuery:
        """Return the search for a page of it."""
        return AuditQuery(
            text=text,
            before_seq=before_seq,
            limit=limit,
            order=self.order,
            actor=self.actor,
            since_us=self.since_us,
            until_us=self.until_us,
        )

    def has(self, record: AuditRecord) -> bool:
        """Say whether a record is among what is asked for."""
        if self.since_us is not None and record.ts_utc_us < self.since_us:
            return False
        if self.until_us is not None and record.ts_utc_us >= self.until_us:
            return False
        begins = record.cl_ord_id.startswith(self.order) or record.order_id.startswith(self.order)
        return begins and self.actor.lower() in record.actor.lower()


NOTHING = Wanted()


class AuditFilter(QWidget):
    """Four fields. What cannot be read is said beside them, stays as typed, and asks for nothing.

    Args:
        now: our time, for what is of today.

    Attributes:
        changed: something else is asked for.
        left: the person is done with it.
    """

    changed = Signal()
    left = Signal()

    def __init__(self, now: Callable[[], datetime], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self.wanted = NOTHING
        self._sizes: list[int] = []
        self._row = QHBoxLayout()
        self._row.setContentsMargins(12, 0, 8, 0)
        self._row.setSpacing(6)
        self.order = self._add("Order", 130, "Begins with")
        self.actor = self._add("Actor", 84, "Name")
        self.since = self._add("From", 132, "Day, time or both")
        self.until = self._add("To", 132, "Day, time or both")
        self._row.addStretch(1)
        self.clear_button = Button("Clear", Dress.OUTLINE, key="Esc")
        self.clear_button.clicked.connect(self.clear)
        self._row.addWidget(self.clear_button)
        self.fault = Text("", ink=Ink.TEXT1, parent=self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 1)
        self._column.setSpacing(0)
        self._column.addLayout(self._row, 1)
        told = QHBoxLayout()
        told.setContentsMargins(12, 0, 8, 4)
        told.addWidget(self.fault)
        self._column.addLayout(told)
        self._say("")
        self._typing = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._typing.timeout.connect(self.take)

    def _add(self, name: str, width: int, hint: str) -> QLineEdit:
        label = Text(name, ink=Ink.TEXT3, parent=self)
        label.setFixedWidth(label.sizeHint().width())
        self._row.addWidget(label)
        field = QLineEdit(self)
        field.setFont(font(12))
        field.setMinimumWidth(width // 2)  # so narrow where the window is at its smallest
        field.setMaximumWidth(width)
        field.setMaxLength(_LONGEST)
        field.setPlaceholderText(hint)
        field.setAccessibleName(f"{name}, filter of the audit log")
        field.textChanged.connect(lambda _: self._typing.start())
        field.returnPressed.connect(self._finish)
        self._row.addWidget(field)
        return field

    @property
    def is_empty(self) -> bool:
        """Whether nothing is typed."""
        return not any(field.text().strip() for field in self._fields())

    def _fields(self) -> tuple[QLineEdit, ...]:
        return self.order, self.actor, self.since, self.until

    def unfold(self, panel: QWidget) -> None:
        """Show it, in a panel that takes the room for a few rows under it from its neighbours."""
        if not self.isHidden():
            return
        row, look = panel.parentWidget(), density()
        self._sizes = row.sizes() if isinstance(row, QSplitter) else []
        self.show()
        panel.setMinimumHeight(look.panel_head + _HEIGHT + (1 + _LEAST_ROWS) * look.row)

    def fold(self, panel: QWidget) -> None:
        """Take it away, and give the room back."""
        if self.isHidden():
            return
        self.hide()
        panel.setMinimumHeight(0)
        row = panel.parentWidget()
        if isinstance(row, QSplitter) and self._sizes:
            row.setSizes(self._sizes)

    def set_order(self, cl_ord_id: str) -> None:
        """Ask for the records of an order, and nothing else."""
        for field in self._fields():
            field.clear()
        self.order.setText(cl_ord_id)
        self.take()

    def clear(self) -> None:
        """Ask for everything again."""
        for field in self._fields():
            field.clear()
        self.take()

    def take(self) -> None:
        """Ask for what is typed, if it can be read."""
        self._typing.stop()
        since, since_fault = self._read(self.since, "From", is_end=False)
        until, until_fault = self._read(self.until, "To", is_end=True)
        fault = since_fault or until_fault
        if not fault and since is not None and until is not None and since >= until:
            fault = "From is later than To"
        self._say(fault)
        if fault:
            return
        wanted = Wanted(self.order.text().strip(), self.actor.text().strip(), since, until)
        if wanted != self.wanted:
            self.wanted = wanted
            self.changed.emit()

    def _say(self, fault: str) -> None:
        self.fault.set_text(fault)
        self.fault.setVisible(bool(fault))
        self.setFixedHeight(_HEIGHT + (_FAULT_HEIGHT if fault else 0))

    def _read(self, field: QLineEdit, name: str, *, is_end: bool) -> tuple[int | None, str]:
        text, fault = field.text().strip(), ""
        moment: datetime | None = None
        try:
            moment = moment_of(text, self._now(), is_end=is_end) if text else None
        except ValueError as error:
            fault = f"{name}: {error}"
        mark_refused(field, fault)
        field.setToolTip("" if moment is None else f"{name} {fmt.day(moment)} {fmt.clock_zone(moment)}")
        return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1), fault

    def _finish(self) -> None:
        self.take()
        if not self.fault.text():
            self.left.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.is_empty:
            self.left.emit()
        else:
            self.clear()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        painter.fillRect(self.rect(), look.surface1)
        painter.fillRect(0, self.height() - 1, self.width(), 1, look.line)
        painter.end()
