"""The ticket: what is typed, what it would change, what the rules say, and the one button that sends it."""

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.domain.access import Mode, TradingState
from core.domain.instrument import Instrument
from core.domain.market import Quote
from core.domain.messages import (
    FillBooked,
    InOrder,
    OrderChanged,
    Preview,
    ProfileFacts,
    Snapshot,
    TradingStateChanged,
)
from core.domain.order import Order
from core.domain.terms import OrderDraft, Side
from core.ids import RandomIds, Symbol
from ui.bridge import Bridge
from ui.panels.ticket_body import TicketBody
from ui.panels.ticket_keys import SideKeys
from ui.panels.ticket_preview import Previewer
from ui.panels.ticket_sending import Answer, TicketSender
from ui.panels.ticket_size import Sizer
from ui.panels.ticket_tips import FirstMinute
from ui.panels.ticket_words import TicketState, order_words
from ui.widgets.lamps import ModeBadge
from ui.widgets.panel import PanelHead

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_TO = {Mode.SIM: "to the simulator", Mode.PAPER: "to {} paper", Mode.LIVE: ""}
_LATE = "The desk has not answered yet."


class TicketPanel(QWidget):
    """One order of one symbol. GUI thread only; it asks the desk and decides nothing itself.

    Attributes:
        judged: symbol and Verdict of what is on the ticket now; None where nothing is judged.

    Args:
        bridge: carries commands down and events up.
    """

    judged = Signal(str, object)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel.ticket")
        self.setAccessibleName("Ticket")
        self.setAutoFillBackground(True)
        self._instruments: dict[str, Instrument] = {}
        self._quotes: dict[Symbol, Quote] = {}
        self._state = TicketState()
        self._tips = FirstMinute()
        self._sender = TicketSender(bridge, RandomIds(), self)
        self._previewer = Previewer(bridge, self)
        self.head = PanelHead(["Ticket"])
        self.body = TicketBody()
        self.form = self.body.form
        self.sizer = Sizer(bridge, self.form, self.body.sizing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.body, 1)
        self._connect(bridge)
        self._refresh()

    def _connect(self, bridge: Bridge) -> None:
        self._previewer.judged.connect(self._take)
        self._previewer.failed.connect(lambda reason: self._take(None, reason))
        self._previewer.late.connect(lambda: self._take(None, _LATE))
        self._sender.answered.connect(self._on_answer)
        self._sender.replaced.connect(self._state.replaced_by)
        self._sender.moved.connect(self.body.say)
        self.form.edited.connect(self._on_edited)
        SideKeys(self.form.qty, lambda side: self.set_symbol(self.form.symbol, side))
        self.body.offer.taken.connect(self.body.take)
        self.body.question.changed.connect(lambda: self.body.show_button(self._state))
        self.body.button.clicked.connect(lambda _checked=False: self.review())
        bridge.quotes_changed.connect(self._on_quotes)
        bridge.in_order.connect(self._on_event)
        bridge.snapshot_loaded.connect(self.apply_snapshot)

    @property
    def symbol(self) -> str:
        """The symbol on the ticket, empty if there is none."""
        return self.form.symbol

    @property
    def is_filled(self) -> bool:
        """Whether there is an order that may be reviewed."""
        return bool(self.form.symbol)

    def set_instruments(self, instruments: Iterable[Instrument]) -> None:
        """Know names and price steps."""
        self._instruments = {each.symbol: each for each in instruments}

    def set_confirm_always(self, asks: bool) -> None:
        """Know whether the sheet stands before every order, and so asks what a soft rule demands."""
        self._state.asks_always = asks
        self._refresh()

    def set_symbol(self, symbol: str, side: Side | None = None) -> None:
        """Open a ticket for a symbol; quantity and type stay as they were typed. "" empties it."""
        if symbol != self.form.symbol or self._state.replaces is not None:
            self._sender.open_ticket()
            self._state.replaces = None
            self.form.set_symbol(symbol, self._instruments.get(symbol))
            self._show_market()
            self.body.say(None)
        if side is not None:
            self.form.set_side(side)
        self._on_edited()

    def edit_order(self, order: Order) -> None:
        """Show a working order, to ask for other terms of it."""
        self._sender.open_ticket()
        self._state.replaces = order
        self.form.load_order(order, self._instruments.get(order.symbol))
        self._show_market()
        self.body.say(None)
        self._on_edited()
        self.form.qty.setFocus(Qt.FocusReason.TabFocusReason)

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Know the profile, the market and the trading state; what was typed stays."""
        profile, state = snapshot.profile, self._state
        self.set_instruments(snapshot.instruments)
        self._quotes = {each.symbol: each for each in snapshot.quotes}
        state.mode, state.asks_always = profile.mode, snapshot.confirm_always
        state.is_halted = snapshot.trading_state.state is TradingState.HALTED
        self._tips.begin(profile, has_filled=bool(snapshot.fills))
        _show_mode(self.head, profile)
        self._show_market()
        for order in snapshot.orders:
            self._sender.on_order(order)
            self._state.follow(order)
        self._judge()
        self._refresh()

    def clear(self) -> None:
        """Empty the ticket; the symbol stays. Nothing is sent."""
        self._sender.open_ticket()
        self._state.replaces = None
        self.body.say(None)
        self.form.reset()

    def review(self) -> None:
        """Send what is on the ticket, to the sheet where one is due; a soft rule is asked about first.

        The desk judges it again. An order that it refuses is recorded, and is still on the ticket.
        """
        state = self._state
        if not self.is_filled or state.is_sending or state.is_halted or state.has_ended:
            return
        acknowledged = state.soft_rules
        if acknowledged and not self.body.question.is_answered:
            self.body.question.focus_field()
            return
        draft = self.form.draft()
        state.is_sending = True
        self.body.say(None)
        self._refresh()
        self._sender.send(draft, state.replaces, acknowledged, order_words(draft, self.form.qty.number()))

    def _on_answer(self, draft: OrderDraft, answer: Answer) -> None:
        self._state.is_sending = False
        if self.form.qty.hasFocus():
            self.form.qty.selectAll()  # the next order begins with its quantity, or with B or S
        self.body.question.clear()
        if answer.verdict is not None and draft == self.form.draft():
            self._state.verdict = answer.verdict
            self._tips.judged(answer.verdict)
        self.body.say(answer)
        self._refresh()
        if answer.verdict is None:
            self._judge()

    def _show_market(self) -> None:
        symbol = self.form.symbol
        self.body.show_symbol(symbol, self._instruments.get(symbol))
        self.body.show_quote(self._quotes.get(Symbol(symbol)))

    def _on_quotes(self, quotes: Sequence[Quote]) -> None:
        for quote in quotes:
            self._quotes[quote.symbol] = quote
            if quote.symbol == self.form.symbol:
                self.body.show_quote(quote)
                self._previewer.market_moved()

    def _on_event(self, event: InOrder) -> None:
        match event:
            case OrderChanged(order=order):
                self._sender.on_order(order)
                self._state.follow(order)
                self._refresh()
            case FillBooked():
                self._tips.filled()
                self._refresh()
            case TradingStateChanged(record=record):
                self._state.is_halted = record.state is TradingState.HALTED
                self._refresh()
            case _:
                pass

    def _on_edited(self) -> None:
        self.body.question.clear()
        self.body.drop_refusal()
        self._sender.forget()
        self._state.is_current = False
        self._judge()
        self._refresh()

    def _judge(self) -> None:
        old = self._state.replaces
        if not self.form.symbol:
            self._state.verdict = None
            self.judged.emit("", None)
        self._state.failure = ""
        draft = self.form.draft() if self.form.symbol else None
        self._previewer.set_draft(draft, None if old is None else old.cl_ord_id)

    def _take(self, preview: Preview | None, failure: str = "") -> None:
        verdict = None
        if preview is not None:
            verdict, self._state.sent = preview.verdict, preview.sent
        self._state.verdict, self._state.failure = verdict, failure
        self._state.is_current = True
        if verdict is not None:
            self._tips.judged(verdict)
        self.judged.emit(self.form.symbol, verdict)
        self._refresh()

    def _refresh(self) -> None:
        is_sendable = self._state.verdict is not None and not self._state.verdict.breaches
        self.body.show_state(self._state, self._tips.text(self.form.qty.number() if is_sendable else None))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if event.isAutoRepeat() or (event.key() not in _ENTER and event.key() != Qt.Key.Key_Escape):
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Escape:
            self.clear()
        elif modifiers == Qt.KeyboardModifier.ControlModifier:
            self.review()
        elif not modifiers and self.body.offer.offers:
            self.body.take(self.body.offer.offers[0])


def _show_mode(head: PanelHead, profile: ProfileFacts) -> None:
    head.set_note(_TO[profile.mode].format(profile.broker.capitalize()))
    if profile.mode is Mode.LIVE and head.findChild(ModeBadge) is None:
        badge = ModeBadge(Mode.LIVE, height=20)
        badge.setObjectName("badge.ticket_mode")
        head.add_widget(badge)
