"""Numbers of what stands in memory, and counts of what was published; each hangs itself on the bus."""

from collections.abc import Iterable

from core.bus import Bus
from core.clock import Clock
from core.domain.access import TradingState
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.messages import (
    AlarmsChanged,
    AuditAppended,
    AuditVerified,
    BreakerChanged,
    LinkChanged,
    LinkState,
    Notice,
    Part,
    Reconciled,
    RequestsWaiting,
    Severity,
    TradingStateChanged,
)
from core.metrics import Counter, Kind, Sample, Watched, one_of, watched
from core.orders.gather import LiveState
from core.orders.links import Links


def links_numbers(state: LiveState, links: Links, clock: Clock, bus: Bus) -> Iterable[Watched | Counter]:
    """Numbers of the trading state, of each part, and how old what they bring is."""
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


def record_numbers(bus: Bus) -> Iterable[Watched | Counter]:
    """Numbers of the audit chain."""
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


def told_numbers(bus: Bus) -> Iterable[Watched | Counter]:
    """Numbers of notices and alarms."""
    notices = Counter(
        "investiq_notices",
        "What a person should know, by how loud it is.",
        "severity",
        words=[each.value for each in Severity],
    )
    unseen = [0]

    def changed(event: AlarmsChanged) -> None:
        unseen[0] = len(event.waiting)

    bus.subscribe(Notice, lambda event: notices.count(event.severity.value))
    bus.subscribe(AlarmsChanged, changed)
    waiting = watched("investiq_alarms_waiting", "Alarms that nobody has seen.", lambda: float(unseen[0]))
    return (notices, waiting)


def broker_numbers(clock: Clock, bus: Bus) -> Iterable[Watched | Counter]:
    """Numbers of comparisons with the broker, and of its rate limit."""
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


def bus_numbers(bus: Bus) -> Iterable[Watched]:
    """Numbers of the bus."""
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


class BreakerNumbers:
    """Numbers of the circuit breakers; of one that watches several ways in, the worst is shown."""

    def __init__(self, bus: Bus) -> None:
        self._known: dict[tuple[BreakerName, str], BreakerState] = {}
        self._steps = Counter(
            "investiq_breaker_steps",
            "Steps that a breaker took, by the state it went into.",
            "breaker",
            "state",
        )
        shown = Watched(
            "investiq_breaker_state", "1 for the state that a breaker is in.", self._shown, "breaker", "state"
        )
        self.instruments = (shown, self._steps)
        bus.subscribe(BreakerChanged, self._changed)

    def restore(self, records: Iterable[BreakerRecord]) -> None:
        """Know how the breakers stood when the program ended."""
        for record in records:
            self._known[(record.name, record.source)] = record.state

    def _changed(self, event: BreakerChanged) -> None:
        self.restore((event.record,))
        self._steps.count(event.record.name.value, event.record.state.value)

    def _shown(self) -> Iterable[Sample]:
        words = [each.value for each in BreakerState]
        for name in BreakerName:
            found = {state for (known, _), state in self._known.items() if known is name}
            worst = next((each for each in _WORST_FIRST if each in found), BreakerState.ARMED)
            yield from one_of(words, worst.value, name.value)


_WORST_FIRST = (BreakerState.TRIPPED, BreakerState.ACKNOWLEDGED, BreakerState.ARMED)
