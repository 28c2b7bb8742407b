"""What works at Alpaca and what happened there, put together from several lists."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from core.adapters.alpaca import mapping
from core.adapters.alpaca.events import FillRow, fill_reports
from core.adapters.alpaca.fields import FieldUnreadableError
from core.adapters.alpaca.mapping import OrderView
from core.adapters.alpaca.memory import Memory
from core.adapters.alpaca.questions import Questions
from core.domain.execution import ExecutionReport, UnreadableOrder
from core.domain.terms import OrdStatus
from core.ids import OrderId


class Records:
    """Reads lists and remembers what they show. Used on the core loop.

    Attributes:
        unreadable: the orders that the newest list of what works could only name.
    """

    def __init__(self, questions: Questions, memory: Memory) -> None:
        self._questions = questions
        self._memory = memory
        self.unreadable: tuple[UnreadableOrder, ...] = ()

    async def open_orders(self) -> tuple[ExecutionReport, ...]:
        """List every order that works, each leg by itself and named as such."""
        # Flat, the list is complete; under their parents, legs are known as legs.
        flat = await self._questions.open_orders(nested=False)
        found = {view.order_id: view for view in flat.views}
        parents = await self._questions.open_orders(nested=True)
        for view in parents.views:
            self._memory.see(view)
            found |= {each.order_id: each for each in view.family() if each.is_open}
        named = {each.cl_ord_id: each for each in (*parents.unreadable, *flat.unreadable)}
        for view in found.values():
            named.pop(view.cl_ord_id, None)
        self.unreadable = tuple(named.values())
        await self._learn_parents(found.values())
        for view in found.values():
            self._memory.see(view)
        return tuple(mapping.state_report(view, self._memory.kin(view)) for view in found.values())

    async def _learn_parents(self, views: Iterable[OrderView]) -> None:
        # The entry of a bracket has ended when its legs work, and is no longer in the list of what is open.
        alone = [
            view
            for view in views
            if view.is_listed and not view.legs and self._memory.kin(view).list_id is None
        ]
        if alone:
            listing = await self._questions.parents({view.terms.symbol for view in alone})
            for view in listing.views:
                self._memory.see(view)

    async def activities(self, since: datetime) -> tuple[ExecutionReport, ...]:
        """List what happened at or after a time, oldest first: acceptances, fills and ends."""
        orders = (await self._questions.orders_since(since)).views
        for view in orders:
            self._memory.see(view)
        shown = {each.order_id: each for view in orders for each in view.family()}
        fills = await self._fills(since, shown)
        last_fill = {OrderId(fill.order_id or ""): fill.transact_time for fill in fills}
        told = [(report.transact_time, 1, report) for report in fills]
        for view in shown.values():
            kin = self._memory.kin(view)
            if view.ord_status is not OrdStatus.REJECTED and kin.list_id is None:
                report = mapping.accepted_report(view, kin)
                told.append((report.transact_time, 0, report))
            if not view.is_open or kin.list_id is not None:
                report = mapping.state_report(view, kin)
                at = max(report.transact_time, last_fill.get(view.order_id, report.transact_time))
                told.append((at, 2, report))
        told.sort(key=lambda each: each[:2])
        return tuple(report for at, _, report in told if at >= since)

    async def _ask(self, order_id: OrderId) -> OrderView | None:
        try:
            # None is a bundle of options: its fills are no shares.
            return await self._questions.order_by_id(order_id)
        except FieldUnreadableError:
            return None  # what its fills have done is seen by the position that differs

    async def _fills(self, since: datetime, shown: dict[OrderId, OrderView]) -> tuple[ExecutionReport, ...]:
        by_order: dict[OrderId, list[FillRow]] = defaultdict(list)
        for row in await self._questions.fills(since):
            by_order[row.order_id].append(row)
        found: list[ExecutionReport] = []
        for order_id, rows in by_order.items():
            view = shown.get(order_id) or self._memory.view(order_id)
            if view is None:
                view = await self._ask(order_id)
            if view is None:
                continue
            self._memory.see(view)
            found += fill_reports(rows, view, self._memory)
        return tuple(found)
