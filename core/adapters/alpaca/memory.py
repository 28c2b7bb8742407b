"""What was seen of each order: whose leg it is, what it replaced, and how its fills added up."""

from dataclasses import dataclass
from decimal import Decimal

from core.adapters.alpaca.mapping import Kin, OrderView
from core.domain.money import ZERO, Price, Qty, normal
from core.ids import ClOrdId, ExecId, OrderId

MOST_ORDERS = 20_000


@dataclass(frozen=True, slots=True)
class SeenFill:
    """One fill of an order, by the names that it goes by."""

    exec_id: ExecId
    execution_id: str
    qty: Qty
    px: Price


class Memory:
    """Orders by either id. Alpaca names neither an order's parent nor what we called the one it replaced."""

    def __init__(self) -> None:
        self._views: dict[OrderId, OrderView] = {}
        self._by_cl_ord_id: dict[ClOrdId, OrderId] = {}
        self._parents: dict[OrderId, ClOrdId] = {}
        self._origins: dict[ClOrdId, ClOrdId] = {}
        self._sums: dict[OrderId, dict[Decimal, Price | None]] = {}
        self._fills: dict[OrderId, dict[ExecId, SeenFill]] = {}

    def see(self, view: OrderView) -> None:
        """Take in an order as it was shown, its legs included; an older showing replaces no newer one."""
        for each in view.family():
            known = self._views.get(each.order_id)
            if known is None or known.changed_at <= each.changed_at:
                self._views[each.order_id] = each
            self._by_cl_ord_id[each.cl_ord_id] = each.order_id
            self._sums.setdefault(each.order_id, {})[normal(each.cum_qty)] = each.avg_px
            if each is not view:
                self._parents[each.order_id] = view.cl_ord_id
        if len(self._views) > MOST_ORDERS:
            self._forget()

    def see_fill(self, order_id: OrderId, fill: SeenFill) -> None:
        """Take in one fill."""
        self._fills.setdefault(order_id, {})[fill.exec_id] = fill

    def see_replacement(self, cl_ord_id: ClOrdId, orig_cl_ord_id: ClOrdId) -> None:
        """Take in that one id is to come in the place of another."""
        self._origins[cl_ord_id] = orig_cl_ord_id

    def kin(self, view: OrderView) -> Kin:
        """Name an order's relatives, as far as they are known.

        Whether a replacement is for the whole or for the rest, Alpaca does not say (paper check P13); where
        its quantity is what the old order had left after a part, it is taken for the rest.
        """
        replaced = None if view.replaces is None else self._views.get(view.replaces)
        orig = self._origins.get(view.cl_ord_id) or (None if replaced is None else replaced.cl_ord_id)
        list_id = self._parents.get(view.order_id)
        if list_id is None and view.replaces is not None:
            list_id = self._parents.get(view.replaces)
        left = None if replaced is None else replaced.terms.order_qty - replaced.cum_qty
        is_rest = replaced is not None and replaced.cum_qty > 0 and view.terms.order_qty == left
        return Kin(list_id, orig, is_rest)

    def view(self, order_id: OrderId) -> OrderView | None:
        """Return the newest showing of an order."""
        return self._views.get(order_id)

    def find(self, cl_ord_id: ClOrdId) -> OrderView | None:
        """Return the newest showing of an order, by the client's id."""
        order_id = self._by_cl_ord_id.get(cl_ord_id)
        return None if order_id is None else self._views.get(order_id)

    def value_at(self, order_id: OrderId, cum_qty: Decimal) -> Decimal | None:
        """Return the dollars that the first `cum_qty` shares cost; None where that was not seen."""
        if cum_qty == 0:
            return ZERO
        avg_px = self._sums.get(order_id, {}).get(normal(cum_qty))
        return None if avg_px is None else cum_qty * avg_px

    def fills(self, order_id: OrderId) -> tuple[SeenFill, ...]:
        """Return the fills that were seen of an order, in the order of their showing."""
        return tuple(self._fills.get(order_id, {}).values())

    def _forget(self) -> None:
        # The oldest half of what has ended; what is open stays, however old.
        ended = [view for view in self._views.values() if not view.is_open]
        for view in ended[: len(ended) // 2]:
            del self._views[view.order_id]
            self._by_cl_ord_id.pop(view.cl_ord_id, None)
            self._origins.pop(view.cl_ord_id, None)
            for table in (self._parents, self._sums, self._fills):
                table.pop(view.order_id, None)
