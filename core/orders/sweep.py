"""Ending every order of ours at the broker, and the proof that each has ended."""

from dataclasses import dataclass, field, replace

from core.clock import Clock
from core.domain.execution import ExecutionReport
from core.domain.order import TERMINAL, Order, Pending
from core.domain.terms import OrderCancelRequest
from core.errors import BrokerRejected, BrokerUnavailable, OutcomeUnknown, RateLimited
from core.ids import ClOrdId, is_ours
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.orders.progress import Progress
from core.orders.supervision import Means
from core.orders.within import Patiently
from core.ports.broker import Broker

# A request may have been lost, so it is repeated after this.
_REPEAT_S = 5.0
# What the list lacks is asked for by its id, so many at a time.
_MOST_LOOK_UPS = 20
# How long the first requests wait for the list, which tells whether one request is enough, and for that one.
_FIRST_S = 1.0
# An order of which only a look-up can tell is not asked for more often than this.
_LOOK_UP_EVERY_S = 2.0

Listed = dict[ClOrdId, ExecutionReport]


@dataclass(slots=True)
class Sweep:
    """What was asked for in one use of the switch.

    Attributes:
        targets: what is to end.
        due: monotonic seconds from which the end of each may be asked for again.
        look: monotonic seconds from which each may be looked up again.
        asking: of which a request is under way; a second one would only take the place of others.
    """

    progress: Progress
    deadline: float
    targets: dict[ClOrdId, OrderCancelRequest] = field(default_factory=dict)
    due: dict[ClOrdId, float] = field(default_factory=dict)
    look: dict[ClOrdId, float] = field(default_factory=dict)
    asking: set[ClOrdId] = field(default_factory=set)


class Sweeper:
    """Cancels without waiting for the database or for any single answer. Runs on the core loop."""

    def __init__(self, state: LiveState, broker: Broker, oms: OrderManagement, means: Means) -> None:
        self._state = state
        self._broker = broker
        self._oms = oms
        self._clock: Clock = means.clock
        self._tasks = means.tasks
        self._patiently = Patiently(means.clock, means.tasks)

    async def begin(self, progress: Progress, deadline: float) -> Sweep:
        """Ask for the end of all that is known, in one request where that ends nothing of others."""
        sweep = Sweep(progress, deadline)
        listed = await self._list(sweep, self._soon(sweep))
        self._take_stock(sweep, listed)
        if listed is not None and not progress.foreign and len(progress.ours) > 1:
            await self._ask_for_all(sweep)
        self._ask(sweep)
        return sweep

    async def go_on(self, sweep: Sweep) -> bool:
        """Look what has ended, and ask again for what has not.

        Returns:
            Whether the broker has shown the end of all.
        """
        listed = await self._list(sweep, sweep.deadline)
        self._take_stock(sweep, listed)
        await self._confirm(sweep, listed)
        self._ask(sweep)
        return listed is not None and sweep.progress.ours == sweep.progress.confirmed

    async def _list(self, sweep: Sweep, deadline: float) -> Listed | None:
        found = await self._patiently.ask(deadline, self._broker.open_orders, "its open orders")
        if isinstance(found, str):
            sweep.progress.failures["list"] = found
            return None
        sweep.progress.failures.pop("list", None)
        named = (each.cl_ord_id for each in self._broker.unreadable)
        sweep.progress.foreign.update(each for each in named if not is_ours(each))
        return {report.cl_ord_id: report for report in found}

    def _take_stock(self, sweep: Sweep, listed: Listed | None) -> None:
        for order in self._state.orders.open():
            if not order.external:
                sweep.targets.setdefault(order.cl_ord_id, OrderCancelRequest(order.cl_ord_id, order.order_id))
        for cl_ord_id, report in (listed or {}).items():
            if self._is_ours(report):
                sweep.targets[cl_ord_id] = OrderCancelRequest(cl_ord_id, report.order_id)
            else:
                sweep.progress.foreign.add(cl_ord_id)
        sweep.progress.ours.update(sweep.targets)

    def _is_ours(self, report: ExecutionReport) -> bool:
        known = self._state.orders.get(report.cl_ord_id)
        by_name = is_ours(report.cl_ord_id) or is_ours(report.list_id or "")
        return by_name or (known is not None and not known.external)

    def _soon(self, sweep: Sweep) -> float:
        return min(sweep.deadline, self._clock.monotonic() + _FIRST_S)

    async def _ask_for_all(self, sweep: Sweep) -> None:
        answer = await self._patiently.ask(
            self._soon(sweep), self._broker.cancel_all, "the end of all orders"
        )
        if answer is True:
            self._note_asked(sweep, list(sweep.targets))

    def _note_asked(self, sweep: Sweep, asked: list[ClOrdId]) -> None:
        due = self._clock.monotonic() + _REPEAT_S
        for cl_ord_id in asked:
            sweep.due[cl_ord_id] = due
            order = self._state.orders.get(cl_ord_id)
            if order is not None and order.is_open and order.pending is not Pending.CANCEL:
                self._oms.hold(replace(order, pending=Pending.CANCEL, updated_at=self._clock.now()))

    def _ask(self, sweep: Sweep) -> None:
        now = self._clock.monotonic()
        asked = [each for each in sweep.targets if self._is_due(sweep, each, now)]
        self._note_asked(sweep, asked)
        for cl_ord_id in asked:
            self._tasks.spawn(self._request(sweep, sweep.targets[cl_ord_id]), "cancel")

    def _is_due(self, sweep: Sweep, cl_ord_id: ClOrdId, now: float) -> bool:
        is_done = cl_ord_id in sweep.progress.confirmed or cl_ord_id in sweep.asking
        return not is_done and now >= sweep.due.get(cl_ord_id, now)

    async def _request(self, sweep: Sweep, request: OrderCancelRequest) -> None:
        failures, cl_ord_id = sweep.progress.failures, request.cl_ord_id
        sweep.asking.add(cl_ord_id)
        try:
            await self._broker.cancel(request)
        except (BrokerRejected, OutcomeUnknown):
            # It has ended, or has not arrived yet, or the request was lost: the list tells which.
            failures.pop(cl_ord_id, None)
        except BrokerUnavailable as error:
            failures[cl_ord_id] = f"{cl_ord_id}: the request to cancel was not taken: {error}"
            wait = (error.retry_after_s or 1.0) if isinstance(error, RateLimited) else 1.0
            sweep.due[cl_ord_id] = self._clock.monotonic() + wait
        else:
            failures.pop(cl_ord_id, None)
        finally:
            sweep.asking.discard(cl_ord_id)

    async def _confirm(self, sweep: Sweep, listed: Listed | None) -> None:
        open_still = [each for each in sweep.targets if each not in sweep.progress.confirmed]
        doubtful = []
        for cl_ord_id in open_still:
            if listed is not None and cl_ord_id in listed:
                continue
            order = self._state.orders.get(cl_ord_id)
            if order is not None and not order.is_open:
                self._end(sweep, cl_ord_id)
            elif listed is not None and self._clock.monotonic() >= sweep.look.get(cl_ord_id, 0.0):
                doubtful.append(cl_ord_id)
        for cl_ord_id in doubtful[:_MOST_LOOK_UPS]:
            await self._look_up(sweep, cl_ord_id)

    async def _look_up(self, sweep: Sweep, cl_ord_id: ClOrdId) -> None:
        sweep.look[cl_ord_id] = self._clock.monotonic() + _LOOK_UP_EVERY_S
        found = await self._patiently.ask(
            sweep.deadline, lambda: self._state_of(cl_ord_id), f"the state of {cl_ord_id}"
        )
        if isinstance(found, Found) and found.report is not None and found.report.ord_status in TERMINAL:
            self._end(sweep, cl_ord_id)
            self._tasks.spawn(self._oms.apply(found.report), "cancel report")

    async def _state_of(self, cl_ord_id: ClOrdId) -> "Found":
        return Found(await self._broker.order(cl_ord_id))

    def _end(self, sweep: Sweep, cl_ord_id: ClOrdId) -> None:
        sweep.progress.confirmed.add(cl_ord_id)
        sweep.progress.failures.pop(cl_ord_id, None)


@dataclass(frozen=True, slots=True)
class Found:
    """An answer to a look-up; None in it is an answer too."""

    report: ExecutionReport | None


def asks_for_end(order: Order) -> Order:
    """Note on an order that its end was asked for."""
    return replace(order, pending=Pending.CANCEL) if order.is_open else order
