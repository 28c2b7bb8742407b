"""What the numbers of `/metrics` are made of: events are counted, and what stands in memory is looked up.

Nothing is decided by it, and nothing waits for it.
"""

from collections import Counter as Tally
from collections import OrderedDict
from collections.abc import Iterable

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor, TradingState
from core.domain.messages import (
    AckMeasured,
    AuditAppended,
    AuditVerified,
    Command,
    FillBooked,
    LinkChanged,
    LinkState,
    LoadMetrics,
    Notice,
    OrderChanged,
    Part,
    Reconciled,
    RequestsWaiting,
    Severity,
    TradingStateChanged,
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
    Kind,
    Registry,
    Sample,
    Stopwatch,
    Watched,
    one_of,
    watched,
)
from core.orders.gather import LiveState
from core.orders.links import Links

LAG_EVERY_S = 0.5
# Of so many orders it is remembered in which state they were last counted.
_MOST_ORDERS = 10_000


class Measuring:
    """The instruments of one core, fed from its bus. Lives on the core loop."""

    def __init__(self, state: LiveState, links: Links, clock: Clock, bus: Bus) -> None:
        self._state = state
        self._links = links
        self._clock = clock
        self._bus = bus
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
        self.registry.add(*_links(state, links, clock, bus), *_record(bus), *_told(bus), *_broker(clock, bus))
        self.registry.add(self._lag, *_bus(bus))
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


def _links(state: LiveState, links: Links, clock: Clock, bus: Bus) -> Iterable[Watched | Counter]:
    parts, states = list(Part), [each.value for each in LinkState]
    lost = Counter(
        "investiq_link_losses", "Times that a part went down.", "part", words=[each.value for each in parts]
    )

    def changed(event: LinkChanged) -> None:
        if event.state is LinkState.DOWN:
            lost.count(event.part.value)

    def shown() -> Iterable[Sample]:
        for part in parts:
            found = links.states.get(part)
            yield from one_of(states, None if found is None else found.state.value, part.value)

    def ages() -> Iterable[Sample]:
        now = clock.now()
        for part, found in links.states.items():
            yield Sample((part.value,), (now - found.since).total_seconds())

    def quote_age() -> float | None:
        newest = max((quote.received for quote in state.quotes.all()), default=None)
        return None if newest is None else clock.monotonic() - newest

    def trading() -> Iterable[Sample]:
        now = state.trading_state
        return one_of([each.value for each in TradingState], None if now is None else now.value)

    moves = Counter(
        "investiq_trading_state_changes",
        "Times that trading went into a state.",
        "state",
        words=[each.value for each in TradingState],
    )
    bus.subscribe(LinkChanged, changed)
    bus.subscribe(TradingStateChanged, lambda event: moves.count(event.record.state.value))
    return (
        Watched("investiq_trading_state", "1 for the state that holds.", trading, "state"),
        moves,
        Watched("investiq_link_state", "1 for the state that a part is in.", shown, "part", "state"),
        Watched("investiq_link_state_age_seconds", "How long a part has been so.", ages, "part"),
        lost,
        watched("investiq_quote_age_seconds", "Since the newest quote of any symbol came.", quote_age),
        watched(
            "investiq_account_age_seconds",
            "Since the broker last confirmed the account.",
            lambda: state.account.age_s,
        ),
    )


def _record(bus: Bus) -> Iterable[Watched | Counter]:
    newest = {"head": 0.0, "verified": 0.0, "faults": 0.0}
    appended = Counter("investiq_audit_records", "Audit records appended, durably.")

    def grew(event: AuditAppended) -> None:
        appended.count(by=float(len(event.records)))
        newest["head"] = max(newest["head"], float(event.records[-1].seq))

    def verified(event: AuditVerified) -> None:
        newest["head"] = max(newest["head"], float(event.report.head.seq))
        newest["verified"] = float(event.report.verified_to)
        newest["faults"] = float(len(event.report.faults))

    bus.subscribe(AuditAppended, grew)
    bus.subscribe(AuditVerified, verified)
    return (
        appended,
        watched("investiq_audit_head", "Number of the newest audit record.", lambda: newest["head"]),
        watched(
            "investiq_audit_verified", "Number up to which the chain was checked.", lambda: newest["verified"]
        ),
        watched("investiq_audit_faults", "Places where the chain does not hold.", lambda: newest["faults"]),
    )


def _told(bus: Bus) -> Iterable[Counter]:
    notices = Counter(
        "investiq_notices",
        "What a person should know, by how loud it is.",
        "severity",
        words=[each.value for each in Severity],
    )
    bus.subscribe(Notice, lambda event: notices.count(event.severity.value))
    return (notices,)


def _broker(clock: Clock, bus: Bus) -> Iterable[Watched | Counter]:
    runs = Counter(
        "investiq_reconciliations",
        "Comparisons with the broker that ended, or could not be.",
        "outcome",
        words=("ended", "failed"),
    )
    newest: list[Reconciled] = []
    waiting: list[RequestsWaiting] = []

    def compared(event: Reconciled) -> None:
        runs.count("failed" if event.run.failure else "ended")
        newest[:] = [event]

    def age() -> float | None:
        return (clock.now() - newest[0].run.ended).total_seconds() if newest else None

    def unrepaired() -> float | None:
        return float(sum(not each.repaired for each in newest[0].run.differences)) if newest else None

    def wait(event: RequestsWaiting) -> None:
        waiting[:] = [event]

    bus.subscribe(Reconciled, compared)
    bus.subscribe(RequestsWaiting, wait)
    return (
        runs,
        watched("investiq_reconciliation_age_seconds", "Since the last comparison ended.", age),
        watched("investiq_reconciliation_differences", "What it found and could not repair.", unrepaired),
        watched(
            "investiq_broker_requests_waiting",
            "Requests that wait for the broker's rate limit.",
            lambda: float(waiting[0].count) if waiting else 0.0,
        ),
        watched(
            "investiq_broker_wait_seconds",
            "Until the first of them may leave.",
            lambda: waiting[0].wait_s if waiting else 0.0,
        ),
    )


def _bus(bus: Bus) -> Iterable[Watched]:
    return (
        watched(
            "investiq_bus_deepest",
            "Most events that ever waited for one another.",
            lambda: float(bus.deepest),
        ),
        watched(
            "investiq_bus_failures",
            "Subscribers that raised.",
            lambda: float(bus.failures),
            kind=Kind.COUNTER,
        ),
    )
