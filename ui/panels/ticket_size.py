"""The size of an order from what it may lose: one key asks the desk, and fills the quantity in."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget
from shiboken6 import isValid

from core.domain.messages import SaveSetting, Sized, SizeOrder, Snapshot
from core.domain.money import normal, plain
from core.errors import Refused
from ui import format as fmt
from ui.bridge import Bridge
from ui.panels.ticket_form import TicketForm
from ui.panels.ticket_parts import PAD
from ui.widgets.buttons import Button, Dress
from ui.widgets.fields import NumberField
from ui.widgets.labels import plain as plain_label

SETTING = "ticket.risk_pct"
KEY = "Ctrl+R"
_USUAL_PCT = "0.25"
_ATR_TIMES = "2"


class SizeRow(QWidget):
    """Percent of equity at risk, the button, and below them what came of it.

    Attributes:
        wanted: the size is asked for.
    """

    wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.risk = NumberField("Risk, percent of the equity at the start of the day", "% at risk")
        self.risk.setText(_USUAL_PCT)
        self.button = Button("Size", Dress.OUTLINE, key=KEY, height=28)
        self.answer = plain_label("")
        self.answer.hide()
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.risk, 1)
        row.addWidget(self.button, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(PAD, 0, PAD, 8)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.answer)
        self.button.clicked.connect(lambda _checked=False: self.wanted.emit())
        self.risk.returnPressed.connect(self.wanted)

    @property
    def spare(self) -> int:
        """How many px folding would save, or has saved."""
        return self.button.sizeHint().height() + 4

    @property
    def is_folded(self) -> bool:
        """Whether field and button are left out; the key works all the same."""
        return self.button.isHidden()

    def set_folded(self, is_folded: bool) -> None:
        """Leave field and button out where there is less height, or show them."""
        self.risk.setVisible(not is_folded)
        self.button.setVisible(not is_folded)

    def say(self, words: str) -> None:
        """Say what the size is made of; "" takes it away."""
        self.answer.setText(words)
        self.answer.setVisible(bool(words))

    def set_open(self, *, is_open: bool) -> None:
        """Take input, or stand dead with what was typed."""
        self.risk.setEnabled(is_open)
        self.button.setEnabled(is_open)


def sized_words(sized: Sized) -> str:
    """Say a size as it is shown: ``250.00 at risk → 98 shares; the limits allow 25``."""
    words = f"{fmt.money(sized.risk)} at risk → {fmt.qty(sized.by_risk)} shares"
    if sized.order_qty < sized.by_risk:
        words += f"; the limits allow {fmt.qty(sized.order_qty)}"
    away = ", two average ranges away" if sized.atr is not None else ""
    return f"{words}. Stop at {fmt.price(sized.stop_px)}{away}."


class Sizer(QObject):
    """Asks the desk for the size of what is on the ticket, and fills it in; sends nothing."""

    def __init__(self, bridge: Bridge, form: TicketForm, row: SizeRow) -> None:
        super().__init__(row)
        self._bridge, self._form, self._row = bridge, form, row
        self._stored = ""
        self._fills = False
        row.wanted.connect(self.size)
        form.edited.connect(self._on_edited)
        bridge.snapshot_loaded.connect(self._restore)

    def size(self) -> None:
        """Ask; the stop is the one of the exits, or two average true ranges away."""
        if not self._form.symbol:
            self._row.say("Choose a symbol first.")
            return
        loss = self._form.legs.texts()[1].strip()
        draft, risk = self._form.draft(), self._row.risk.text().strip()
        asked = SizeOrder(draft, risk_pct=risk, stop_px=loss, atr_times="" if loss else _ATR_TIMES)
        self._bridge.send(asked, lambda sized: self._take(asked, sized), self._on_refused)
        if risk != self._stored:
            self._stored = risk
            self._bridge.send(SaveSetting(SETTING, risk))

    def _on_edited(self) -> None:
        if not self._fills:
            self._row.say("")  # it was said of another order

    def _take(self, asked: SizeOrder, sized: Sized) -> None:
        if not isValid(self) or self._form.symbol != asked.draft.symbol:
            return
        self._fills = True
        self._form.qty.setText(plain(normal(sized.order_qty)))
        self._fills = False
        self._row.say(sized_words(sized))

    def _on_refused(self, error: Exception) -> bool:
        if isValid(self):
            self._row.say(error.message if isinstance(error, Refused) else f"Not sized: {error}")
        return True

    def _restore(self, snapshot: Snapshot) -> None:
        stored = snapshot.settings.get(SETTING, "")
        if stored and not self._stored:
            self._stored = stored
            self._row.risk.setText(stored)
