"""What the numbers of `/metrics` are made of: events are counted, and what stands in memory is looked up.

Nothing is decided by it, and nothing waits for it.
"""

from collections import Counter as Tally
from collections import OrderedDict
from collections.abc import Iterable

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.messages import (
    AckMeasured,
    Command,
    FillBooked,
    LoadMetrics,
    OrderChanged,
)
from core.domain.order import Order
from core.domain.risk import RuleCode, Verdict
from core.domain.terms import OrdStatus, Side
from core.errors import RefusalCode, Refused
from core.ids import ClOrdId
from core.metrics import (
    Counter,
    Family,
    Histogram,
    Registry,
    Sample,
    Stopwatch,
    Watched,
)
from core.orders import gauges
from core.orders.gather import LiveState
from core.orders.links import Links

LAG_EVERY_S = 0.5
# Of so many orders it is remembered in which state they were last counted.
_MOST_ORDERS = 10_000


class Measuring:
    """The instruments of one core, fed from its bus. Lives on the core loop."""

    def __init__(self, state: LiveState, links: Links, clock: Clock, bus: Bus) -> None:
        self._clock = clock
        self.registry = Registry()
        orders = OrderNumbers(state, clock)
        self._lag = Histogram(
            "investiq_loop_lag_seconds", "By how much the core's loop came later than it was asked to."
        )
        written = Histogram(
            "investiq_order_write_seconds",
            "From the decision to its durable record, without the time a person takes to confirm it.",
        )
        self.writing = Stopwatch(written, clock.monotonic)
        self._refusals = Counter(
            "investiq_refusals",
            "Commands that were refused.",
            "code",
            words=[each.value for each in RefusalCode],
        )
        self._rules = Counter(
            "investiq_rule_refusals",
            "Rules that said no to an order.",
            "rule",
            words=[each.value for each in RuleCode],
        )
        self.registry.add(written, *orders.instruments, self._refusals, self._rules)
        self.breakers = gauges.BreakerNumbers(bus)
        self.registry.add(*gauges.links_numbers(state, links, clock, bus), *self.breakers.instruments)
        self.registry.add(*gauges.record_numbers(bus), *gauges.told_numbers(bus))
        self.registry.add(*gauges.broker_numbers(clock, bus), self._lag, *gauges.bus_numbers(bus))
        orders.follow(bus)

    def refused(self, command: Command[object], refusal: Refused) -> None:
        """Count a refusal, whatever way its command came."""
        del command
        self._refusals.count(refusal.code.value)
        if isinstance(refusal.cause, Verdict):
            for result in refusal.cause.breaches:
                self._rules.count(result.code.value)

    async def load(self, command: LoadMetrics, actor: Actor) -> tuple[Family, ...]:
        """Answer with every number of now; nothing is waited for."""
        del command, actor
        return self.registry.families()

    async def run(self) -> None:
        """Measure for ever how late the loop is."""
        while True:
            begun = self._clock.monotonic()
            await self._clock.sleep(LAG_EVERY_S)
            self._lag.observe(max(0.0, self._clock.monotonic() - begun - LAG_EVERY_S))


class OrderNumbers:
    """What became of orders, and how long it took."""

    def __init__(self, state: LiveState, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._last: OrderedDict[ClOrdId, OrdStatus] = OrderedDict()
        self._cancels: dict[ClOrdId, float] = {}
        words = [each.value for each in OrdStatus]
        self._states = Counter(
            "investiq_order_states", "Times that an order came into a state.", "status", words=words
        )
        self._fills = Counter(
            "investiq_fills", "Fills booked, durably.", "side", words=[each.value for each in Side]
        )
        self._acks = Histogram(
            "investiq_order_ack_seconds", "From an order's sending to the broker's answer."
        )
        self._ended = Histogram(
            "investiq_cancel_seconds", "From the wish to cancel an order to the broker's word that it ended."
        )
        working = Watched("investiq_orders_open", "Orders that may still fill.", self._open, "status")
        self.instruments = (self._states, working, self._fills, self._acks, self._ended)

    def follow(self, bus: Bus) -> None:
        """Count what is published."""
        bus.subscribe(OrderChanged, lambda event: self._changed(event.order))
        bus.subscribe(FillBooked, lambda event: self._fills.count(event.fill.side.value))
        bus.subscribe(AckMeasured, lambda event: self._acks.observe(event.last_ms / 1000.0))

    def _open(self) -> Iterable[Sample]:
        found = Tally(order.ord_status for order in self._state.orders.open())
        return [Sample((status.value,), float(found[status])) for status in OrdStatus if found[status]]

    def _changed(self, order: Order) -> None:
        name, status = order.cl_ord_id, order.ord_status
        if self._last.get(name) is not status:
            self._states.count(status.value)
            self._time(name, status)
        self._last[name] = status
        self._last.move_to_end(name)
        if len(self._last) > _MOST_ORDERS:
            forgotten, _ = self._last.popitem(last=False)
            self._cancels.pop(forgotten, None)

    def _time(self, name: ClOrdId, status: OrdStatus) -> None:
        if status is OrdStatus.PENDING_CANCEL:
            self._cancels.setdefault(name, self._clock.monotonic())
            return
        asked = self._cancels.pop(name, None)
        if asked is not None and status is OrdStatus.CANCELED:
            self._ended.observe(self._clock.monotonic() - asked)
