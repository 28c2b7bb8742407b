"""What the ticket is about at one moment, and how its button says it."""

from dataclasses import dataclass
from decimal import Decimal

from core.domain.access import Mode
from core.domain.order import Order
from core.domain.risk import Outcome, RuleCode, Verdict
from core.domain.terms import OrderDraft, OrderTerms, OrdType, Side
from ui import format as fmt
from ui.widgets.buttons import Dress

_READABLE = Decimal(10) ** 12


@dataclass(slots=True, weakref_slot=True)  # Qt holds a slot of it weakly
class TicketState:
    """Everything that decides what the ticket shows, beside what was typed.

    Attributes:
        asks_always: the sheet stands before every order, and asks what a soft rule demands.
        replaces: the working order whose terms are to be changed.
        verdict: the newest judgement; None while there is none.
        sent: what would go out of the draft that was judged; None while there is no judgement.
        is_current: it is of the draft as it now stands, not of what stood there before the last key.
        failure: why there is no judgement; empty while one is awaited.
    """

    mode: Mode = Mode.SIM
    asks_always: bool = False
    is_halted: bool = False
    is_sending: bool = False
    replaces: Order | None = None
    verdict: Verdict | None = None
    failure: str = ""
    sent: OrderTerms | None = None
    is_current: bool = True

    @property
    def has_sheet(self) -> bool:
        """Whether the confirmation sheet comes before the order leaves."""
        return self.mode is Mode.LIVE or self.asks_always

    @property
    def has_ended(self) -> bool:
        """Whether the order that was to be changed works no more."""
        return self.replaces is not None and not self.replaces.is_open

    @property
    def is_refused(self) -> bool:
        """Whether a hard rule says no to what is typed."""
        return self.verdict is not None and self.verdict.is_refused and not self.is_halted

    @property
    def soft_rules(self) -> frozenset[RuleCode]:
        """The soft rules that this ticket itself has to ask about."""
        if self.verdict is None or self.verdict.is_refused or self.has_sheet:
            return frozenset()
        return frozenset(each.code for each in self.verdict.results if each.outcome is Outcome.SOFT)

    def follow(self, order: Order) -> None:
        """Take note of another state of the order that is to be changed."""
        if self.replaces is not None and self.replaces.cl_ord_id == order.cl_ord_id:
            self.replaces = order

    def replaced_by(self, order: Order) -> None:
        """Go on with the order that has taken the other one's place."""
        if self.replaces is not None:
            self.replaces = order

    def button_words(self, draft: OrderDraft, qty: Decimal | None) -> str:
        """Say what the button does."""
        said = order_words(draft, qty)
        if self.is_sending:
            return "In review" if self.has_sheet else "Sending"
        if self.is_halted:
            return said
        said += _at(draft) + self._cap(draft)
        if self.replaces is not None:
            return f"Replace: {said[0].lower()}{said[1:]}"
        return f"Review: {said[0].lower()}{said[1:]}" if self.has_sheet else said

    def _cap(self, draft: OrderDraft) -> str:
        # A market order goes out as a limit order, and the person sees at which limit (A9).
        price = None if self.sent is None or not self.is_current else self.sent.price
        if draft.ord_type is not OrdType.MARKET or price is None:
            return ""
        sign = "\N{LESS-THAN OR EQUAL TO}" if draft.side is Side.BUY else "\N{GREATER-THAN OR EQUAL TO}"
        return f" {sign} {fmt.price(price)}"


def order_words(draft: OrderDraft, qty: Decimal | None) -> str:
    """Say an order without its price: ``Buy 20 AAPL``; a number that cannot be read is left out."""
    if draft.cash_order_qty:
        return f"{fmt.word(draft.side)} ${draft.cash_order_qty} of {draft.symbol}"
    shares = f"{fmt.qty(qty)} " if qty is not None and abs(qty) < _READABLE else ""
    return f"{fmt.word(draft.side)} {shares}{draft.symbol}".strip()


def _at(draft: OrderDraft) -> str:
    if draft.ord_type is OrdType.MARKET:
        return " at market"
    if draft.ord_type is OrdType.STOP:
        return f" at stop {draft.stop_px}" if draft.stop_px else " at stop"
    if draft.ord_type is OrdType.TRAILING_STOP:
        trail = f"{draft.trail_pct}%" if draft.trail_pct else draft.trail_px
        return f" trailing {trail}" if trail else " trailing"
    return f" at {draft.price}" if draft.price else ""


def dress_of(side: Side) -> Dress:
    """Return the colour of a side's button."""
    return Dress.BUY if side is Side.BUY else Dress.SELL
