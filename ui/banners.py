"""The two banners that stay: trading is halted, and an order's outcome is unknown."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from PySide6.QtCore import QTimer, Signal, SignalInstance
from PySide6.QtWidgets import QWidget

from core.domain.access import TradingState
from core.domain.messages import InOrder, OrderLookedUp
from core.domain.order import Order, worst_price
from core.ids import ClOrdId
from ui import format as fmt
from ui.bridge import Bridge
from ui.facts import WindowFacts
from ui.our_time import utc_now
from ui.widgets.banner import Banner, BannerKind
from ui.widgets.buttons import Button, Dress

KILL = "Kill"  # the reason that the window's kill switch gives


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _because(reason: str) -> str:
    # A key or a button is said in the audit log and the risk panel; a typed reason is worth a place here.
    return "" if not reason or reason.startswith("with ") else f" Reason: {reason}"


class HaltBanner(Banner):
    """Says who halted trading and what still works.

    Attributes:
        cancel_wanted: cancel all that still works.
        resume_wanted: back to ACTIVE.
    """

    cancel_wanted = Signal()
    resume_wanted = Signal()

    def __init__(self, facts: WindowFacts, parent: QWidget | None = None) -> None:
        super().__init__(BannerKind.HALT, parent)
        self._facts = facts
        self._cancel = Button("Cancel orders", Dress.ON_HALT, key="Ctrl+Shift+H")
        self._resume = Button("Resume…", Dress.ON_HALT_OUTLINE)
        self._cancel.clicked.connect(self.cancel_wanted)
        self._resume.clicked.connect(self.resume_wanted)
        self.add_button(self._cancel)
        self.add_button(self._resume)
        self.hide()
        facts.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show the state of now."""
        record = self._facts.trading_state
        if record is None or record.state is TradingState.ACTIVE:
            self.hide()
            return
        profile = self._facts.profile
        who = "you" if profile is not None and record.actor == profile.user else record.actor
        orders, held = len(self._facts.open_orders), len(self._facts.held)
        effect = "No new order leaves this computer."
        if record.state is TradingState.REDUCING:
            effect = "Only what lessens a position leaves this computer."
        self._cancel.setText(f"Cancel {_count(orders, 'order', 'orders')}")
        self._cancel.setVisible(orders > 0)
        works = f"{_count(orders, 'order still works', 'orders still work')} at the broker"
        stays = f"{_count(held, 'position stays', 'positions stay')} open"
        was = "Kill asked for the end of all our orders."
        if record.reason != KILL:
            was = f"Halting did not cancel or sell anything.{_because(record.reason)}"
        self.say(
            fmt.word(record.state),
            f"by {who} at {fmt.clock_zone(record.changed_at)}. {effect}",
            f"{works} and {stays}. {was}",
        )
        self.show()


class UnknownBanner(Banner):
    """Stands while an order may or may not be at the broker.

    Attributes:
        show_wanted, check_wanted, resend_wanted, give_up_wanted: the cl_ord_id.
    """

    show_wanted = Signal(str)
    check_wanted = Signal(str)
    resend_wanted = Signal(str)
    give_up_wanted = Signal(str)

    def __init__(
        self,
        bridge: Bridge,
        facts: WindowFacts,
        parent: QWidget | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(BannerKind.UNKNOWN, parent)
        self._facts, self._now = facts, now
        self._lookups: dict[ClOrdId, tuple[OrderLookedUp, datetime]] = {}
        self._order: Order | None = None
        self._buttons: dict[str, Button] = {}
        for words, signal in (
            ("Show order", self.show_wanted),
            ("Check now", self.check_wanted),
            ("Send again…", self.resend_wanted),
            ("Give up…", self.give_up_wanted),
        ):
            button = Button(words, Dress.OUTLINE)
            button.clicked.connect(partial(self._emit, signal))
            self._buttons[words] = button
            self.add_button(button)
        self._seconds = QTimer(self, interval=1000)
        self._seconds.timeout.connect(self.refresh)
        self.hide()
        bridge.in_order.connect(self._on_event)
        facts.changed.connect(self.refresh)

    def _emit(self, wanted: SignalInstance, _checked: bool = False) -> None:
        if self._order is not None:
            wanted.emit(self._order.cl_ord_id)

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, OrderLookedUp):
            self._lookups[event.order.cl_ord_id] = (event, self._now())
            self.refresh()

    def refresh(self) -> None:
        """Show the oldest order whose outcome is unknown, and for how long."""
        unknown = self._facts.unknown_orders
        self._order = unknown[0] if unknown else None
        if self._order is None:
            self._seconds.stop()
            self._lookups.clear()
            self.hide()
            return
        if not self._seconds.isActive():
            self._seconds.start()
        self._say(self._order, len(unknown) - 1)
        self.show()

    def _say(self, order: Order, more: int) -> None:
        now, terms = self._now(), order.terms
        sent = order.sent_at or order.created_at
        price = terms.price if terms.price is not None else terms.stop_px
        at = "" if price is None else f" {fmt.price(price)}"
        kind = fmt.word(order.ord_type).lower()
        title = f"Outcome unknown: {order.side.value} {fmt.qty(order.order_qty)} {order.symbol}, {kind}{at}"
        waited = fmt.span((now - sent).total_seconds())
        remark = f"sent {fmt.clock_zone(sent)}, no answer for {waited}"
        quote = self._facts.quote(order.symbol)
        worst = worst_price(order, None if quote is None else quote.last)
        cost = "" if worst is None else f", up to {fmt.money(worst * order.leaves_qty)}"
        others = f" {_count(more, 'other order is', 'other orders are')} unknown too." if more else ""
        sentence = (
            f"It may be at the broker. It counts as live in every limit{cost}, and it will not be sent again."
        )
        self.say(title, remark, sentence + others, self._checking(order, now))

    def _checking(self, order: Order, now: datetime) -> str:
        lookup, asked_at = self._lookups.get(order.cl_ord_id, (None, now))
        may_settle = lookup is not None and lookup.may_settle
        for words in ("Send again…", "Give up…"):
            self._buttons[words].setVisible(may_settle)
        if lookup is None:
            return "Checking by its id"
        if may_settle:
            return f"Asked {lookup.tries} times: the broker does not know it"
        if lookup.next_in_s is None:
            return f"Checking by its id: try {lookup.tries}"
        left = max(0.0, lookup.next_in_s - (now - asked_at).total_seconds())
        return f"Checking by its id: try {lookup.tries}, next in {fmt.span(left)}"
