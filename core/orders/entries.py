"""The working orders that would open risk, and their end at the broker before anything is written."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import structlog

from core.clock import Clock
from core.domain.access import Actor
from core.domain.audit import AuditAction
from core.domain.money import ZERO
from core.domain.order import Order, Pending
from core.domain.terms import Contingency, Side
from core.errors import Refused, StorageError
from core.ids import ClOrdId, Symbol
from core.orders.exits import Exits
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.orders.sweep import asks_for_end
from core.ports.journal import Journal
from core.tasks import Tasks

_log = structlog.get_logger("orders")


def entries(state: LiveState) -> tuple[Order, ...]:
    """List our working orders that are more than what lessens a position.

    Of those that close, stops come first, then the oldest; as many stay as the position has shares for. A leg
    is never listed: it protects what its entry has bought, or ends with its entry.
    """
    ours: dict[Symbol, list[Order]] = {}
    for order in state.orders.open():
        if not order.external and order.list_id is None:
            ours.setdefault(order.symbol, []).append(order)
    found: list[Order] = []
    for symbol, orders in ours.items():
        found.extend(_entries_of(orders, state.positions.qty(symbol)))
    return tuple(found)


def _entries_of(orders: Iterable[Order], held: Decimal) -> list[Order]:
    closing = Side.SELL if held > 0 else Side.BUY
    found, left = [], abs(held)
    kept: dict[ClOrdId, Decimal] = {}
    for order in sorted(orders, key=lambda each: (not each.ord_type.waits, each.created_at)):
        # A replacement and the order whose place it takes do not both fill.
        takes = order.leaves_qty - kept.get(ClOrdId(order.orig_cl_ord_id or ""), ZERO)
        if held and order.side is closing and _may_only_close(order) and takes <= left:
            left -= max(takes, ZERO)
            kept[order.cl_ord_id] = order.leaves_qty
        else:
            found.append(order)
    return found


def _may_only_close(order: Order) -> bool:
    legs = order.terms.legs
    return not order.terms.is_cash and (legs is None or legs.contingency is Contingency.OCO)


class EntryEnds:
    """Asks the broker for the end of entries at once, and records it after. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        exits: Exits,
        oms: OrderManagement,
        journal: Journal,
        clock: Clock,
        tasks: Tasks,
    ) -> None:
        self._state = state
        self._exits = exits
        self._oms = oms
        self._journal = journal
        self._clock = clock
        self._tasks = tasks

    def begin(self, orders: Iterable[Order], reason: str, actor: Actor) -> int:
        """Ask for the end of orders; whoever was asked before is left out.

        What does not get through is asked again by each comparison with the broker.

        Returns:
            How many were asked for.
        """
        asked = [order for order in orders if order.pending is not Pending.CANCEL]
        for order in asked:
            self._oms.hold(replace(order, pending=Pending.CANCEL, updated_at=self._clock.now()))
            self._tasks.spawn(self._exits.carry_out_wish(order), "cancel entry")
        if asked:
            self._tasks.spawn(self._record([each.cl_ord_id for each in asked], reason, actor), "cancels")
        return len(asked)

    async def _record(self, asked: Iterable[ClOrdId], reason: str, actor: Actor) -> None:
        for cl_ord_id in asked:
            order = self._state.orders.get(cl_ord_id)
            if order is None:
                continue
            draft = self._oms.draft(AuditAction.CANCEL_REQUESTED, order, {"reason": reason}, actor)
            try:
                await self._oms.change(cl_ord_id, asks_for_end, [draft])
            except (StorageError, Refused) as error:
                _log.error("cancel.unwritable", cl_ord_id=cl_ord_id, reason=str(error))
                self._journal.note(draft)
