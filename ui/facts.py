"""What the window knows as a whole: the linked symbol, what works, what is held, who sits in front of it."""

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from core.domain.access import Role, TradingState
from core.domain.instrument import Instrument
from core.domain.market import Quote
from core.domain.messages import (
    FillBooked,
    InOrder,
    LinkChanged,
    LinkState,
    OrderChanged,
    Part,
    ProfileFacts,
    Snapshot,
    TradingStateChanged,
)
from core.domain.order import Order
from core.domain.records import TradingStateRecord
from core.domain.terms import OrdStatus
from core.ids import ClOrdId, Symbol
from ui.actions.spec import Selection, UiContext
from ui.bridge import Bridge


class WindowFacts(QObject):
    """Folds the bridge's events into the facts that actions, bars and banners need. GUI thread only.

    Attributes:
        changed: something that an action may depend on is another.
        symbol_changed: the linked symbol is another.
    """

    changed = Signal()
    symbol_changed = Signal(str)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.profile: ProfileFacts | None = None
        self.trading_state: TradingStateRecord | None = None
        self.instruments: dict[Symbol, Instrument] = {}
        self.orders: dict[ClOrdId, Order] = {}
        self._open: dict[ClOrdId, Order] = {}
        self.held: set[Symbol] = set()
        self.quotes: dict[Symbol, Quote] = {}
        self.links: dict[Part, LinkChanged] = {}
        self.symbol = ""
        self.confirm_always = False
        self._selection: tuple[Selection, Order | None] = (Selection.NONE, None)
        self._ui = dict.fromkeys(("ticket_is_filled", "sheet_is_open", "is_locked", "backup_runs"), False)
        self._chosen: frozenset[str] = frozenset()
        # Once for a burst of events: actions, bars and banners look at the facts, not at what led to them.
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self.changed)
        bridge.in_order.connect(self._on_event)
        bridge.quotes_changed.connect(self._on_quotes)

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Take everything over anew."""
        self.profile = snapshot.profile
        self.trading_state = snapshot.trading_state
        self.instruments = {each.symbol: each for each in snapshot.instruments}
        self.orders = {order.cl_ord_id: order for order in snapshot.orders}
        self._open = {order.cl_ord_id: order for order in snapshot.orders if order.is_open}
        self.held = {position.symbol for position in snapshot.positions if not position.is_flat}
        self.quotes = {quote.symbol: quote for quote in snapshot.quotes}
        self.links = dict(snapshot.links)
        self.confirm_always = snapshot.confirm_always
        self.changed.emit()

    @property
    def open_orders(self) -> tuple[Order, ...]:
        """All orders that may still fill."""
        return tuple(self._open.values())

    @property
    def unknown_orders(self) -> tuple[Order, ...]:
        """Orders whose outcome nobody knows, the oldest first."""
        found = [order for order in self._open.values() if order.ord_status is OrdStatus.UNKNOWN]
        return tuple(sorted(found, key=lambda order: order.created_at))

    @property
    def is_halted(self) -> bool:
        """Whether no new order leaves."""
        return self.trading_state is not None and self.trading_state.state is TradingState.HALTED

    @property
    def is_locked(self) -> bool:
        """Whether nobody who is known sits at the window."""
        return self._ui["is_locked"]

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote of a symbol."""
        return self.quotes.get(Symbol(symbol))

    def set_symbol(self, symbol: str) -> None:
        """Link all panels to a symbol."""
        if symbol != self.symbol:
            self.symbol = symbol
            self.symbol_changed.emit(symbol)
            self.changed.emit()

    def select(self, selection: Selection, order: Order | None = None) -> None:
        """Note what kind of row is selected in the panel that has the focus."""
        if (selection, order) != self._selection:
            self._selection = (selection, order)
            self.changed.emit()

    @property
    def selected_order(self) -> Order | None:
        """The order that was selected last, as it stands now."""
        order = self._selection[1]
        return None if order is None else self.orders.get(order.cl_ord_id)

    def note(self, **facts: bool) -> None:
        """Note facts of the window itself, by the names that `UiContext` has for them."""
        if self._ui != {**self._ui, **facts}:
            self._ui.update(facts)
            self.changed.emit()

    def set_chosen(self, chosen: Iterable[str]) -> None:
        """Note the ids of all choices that are on."""
        self._chosen = frozenset(chosen)
        self.changed.emit()

    def context(self) -> UiContext:
        """Return what the actions' conditions look at."""
        order = self.selected_order
        working = self.open_orders
        made = UiContext(
            profile_is_open=self.profile is not None,
            is_locked=self._ui["is_locked"],
            is_connected=self._is_connected(),
            symbol=self.symbol,
            selection=self._selection[0],
            order_is_open=order is not None and order.is_open,
            order_is_unknown=order is not None and order.ord_status is OrdStatus.UNKNOWN,
            working=len(working),
            working_here=sum(order.symbol == self.symbol for order in working),
            held_here=self.symbol in self.held,
            ticket_is_filled=self._ui["ticket_is_filled"],
            sheet_is_open=self._ui["sheet_is_open"],
            backup_runs=self._ui["backup_runs"],
            chosen=self._chosen | ({"order.confirm_in_sim"} if self.confirm_always else frozenset()),
        )
        if self.profile is None or self.trading_state is None:
            return made
        return replace(
            made,
            is_demo=self.profile.temporary,
            mode=self.profile.mode,
            role=_role(self.profile.role),
            trading_state=self.trading_state.state,
        )

    def _is_connected(self) -> bool:
        link = self.links.get(Part.BROKER)
        return link is not None and link.state in (LinkState.UP, LinkState.SLOW)

    def _on_quotes(self, quotes: Iterable[Quote]) -> None:
        for quote in quotes:
            self.quotes[quote.symbol] = quote

    def _on_event(self, event: InOrder) -> None:
        match event:
            case OrderChanged():
                known = self.orders.get(event.order.cl_ord_id)
                if known is not None and known.updated_at > event.order.updated_at:
                    return
                self._take_order(event.order)
            case FillBooked():
                change = self.held.discard if event.position.is_flat else self.held.add
                change(event.position.symbol)
            case TradingStateChanged():
                self.trading_state = event.record
            case LinkChanged():
                self.links[event.part] = event
            case _:
                return
        self._soon.start()

    def _take_order(self, order: Order) -> None:
        self.orders[order.cl_ord_id] = order
        if order.is_open:
            self._open[order.cl_ord_id] = order
        else:
            self._open.pop(order.cl_ord_id, None)


def _role(text: str) -> Role:
    # What may be *done* is decided by the desk; an unknown role is merely shown the least.
    return next((role for role in Role if role.value == text), Role.VIEWER)
