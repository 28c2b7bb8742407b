"""The orders: what works first, then what ended last; an unknown outcome cannot be overlooked."""

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime

from PySide6.QtCore import QPoint, QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.domain.messages import InOrder, OrderChanged, Snapshot
from core.domain.order import Order
from core.domain.terms import OrdStatus
from core.ids import ClOrdId
from ui.bridge import Bridge
from ui.models.table import KeyedTableModel
from ui.our_time import utc_now
from ui.panels.menus import HandChoice, RowTips, forward_context_menu, key_text
from ui.panels.order_columns import OrderTimes, order_columns, reason, state
from ui.widgets.table_view import TableView

TITLE = "Orders"
MOST_ENDED = 300


class OrdersPanel(QWidget):
    """A tab of the blotter.

    Attributes:
        counted: the number of open orders, as text.
        selected: another order is the current one, or none.
        symbol_selected: the symbol of the row that was chosen by hand.
        replace_wanted: the Order that a person wants to change.
    """

    counted = Signal(str)
    menu_wanted = Signal(QPoint)
    selected = Signal()
    symbol_selected = Signal(str)
    replace_wanted = Signal(object)
    title = TITLE

    def __init__(
        self, bridge: Bridge, parent: QWidget | None = None, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        super().__init__(parent)
        self.setObjectName("panel.orders")
        self.setAccessibleName(TITLE)
        self._orders: dict[ClOrdId, Order] = {}
        self.model: KeyedTableModel[Order] = KeyedTableModel(
            order_columns(OrderTimes(now)), lambda order: order.cl_ord_id, state=state
        )
        self.view = TableView(self.model, TITLE, self)
        self.view.set_empty("Orders that are working.", "New order", "B")
        self.view.key_activated.connect(self._on_activated)
        self.view.key_chosen.connect(lambda _: self.selected.emit())
        HandChoice(self.view, self._on_chosen)
        forward_context_menu(self.view, self.menu_wanted.emit)
        RowTips(self.view, self._tip)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        self._moves = False
        self._soon = QTimer(self, singleShot=True, interval=0)  # once for a burst of events
        self._soon.timeout.connect(self._take_burst)
        bridge.in_order.connect(self._on_event)
        self._seconds = QTimer(self, interval=1000)
        self._seconds.timeout.connect(lambda: self.model.refresh("status"))

    @property
    def current(self) -> Order | None:
        """The order of the current row."""
        return self._orders.get(ClOrdId(key_text(self.view.current_key())))

    @property
    def open_orders(self) -> tuple[Order, ...]:
        """All orders that may still fill."""
        return tuple(order for order in self._orders.values() if order.is_open)

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Show everything anew."""
        self._orders = {order.cl_ord_id: order for order in snapshot.orders}
        self._show_all()

    def show_order(self, cl_ord_id: ClOrdId) -> None:
        """Make an order the current row."""
        self.view.select_key(cl_ord_id)
        index = self.view.currentIndex()
        if index.isValid():
            self.view.scrollTo(index)

    def _on_event(self, event: InOrder) -> None:
        if not isinstance(event, OrderChanged):
            return
        order = event.order
        before = self._orders.get(order.cl_ord_id)
        if before is not None and before.updated_at > order.updated_at:
            return  # older than the snapshot that is shown
        self._orders[order.cl_ord_id] = order
        if before is None or before.is_open != order.is_open:
            self._moves = True
        else:
            self.model.upsert([order])
        self._soon.start()
        if order.cl_ord_id == self.view.current_key():
            self.selected.emit()

    def _take_burst(self) -> None:
        if self._moves:
            self._show_all()
        else:
            self._after_change()

    def _show_all(self) -> None:
        self._moves = False
        self.model.replace_all(_arranged(self._orders.values()))
        self._after_change()

    def _after_change(self) -> None:
        number = len(self.open_orders)
        self.counted.emit(str(number) if number else "")
        is_waiting = any(order.ord_status is OrdStatus.UNKNOWN for order in self._orders.values())
        if is_waiting != self._seconds.isActive():
            (self._seconds.start if is_waiting else self._seconds.stop)()

    def _tip(self, key: Hashable) -> str:
        order = self.model.rows.get(key)
        return "" if order is None else reason(order)

    def _on_activated(self, key: object) -> None:
        order = self._orders.get(ClOrdId(str(key)))
        if order is not None and order.is_open and order.ord_status is not OrdStatus.UNKNOWN:
            self.replace_wanted.emit(order)

    def _on_chosen(self, key: Hashable) -> None:
        order = self.model.rows.get(key)
        if order is not None:
            self.symbol_selected.emit(order.symbol)


def _arranged(orders: Iterable[Order]) -> list[Order]:
    newest_first = sorted(orders, key=lambda order: order.created_at, reverse=True)
    ended = [order for order in newest_first if not order.is_open]
    unknown = [order for order in newest_first if order.ord_status is OrdStatus.UNKNOWN]
    working = [order for order in newest_first if order.is_open and order.ord_status is not OrdStatus.UNKNOWN]
    return unknown + working + ended[:MOST_ENDED]
