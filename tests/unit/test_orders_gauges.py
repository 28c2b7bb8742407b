"""Numbers of what stands in memory: what each event makes of them, and what they are before the first."""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from core.bus import Bus
from core.clock import ManualClock
from core.domain.access import TradingState
from core.domain.alarms import Alarm
from core.domain.audit import AuditFault, AuditHead, AuditReport
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.messages import (
    AlarmsChanged,
    AuditAppended,
    AuditVerified,
    BreakerChanged,
    Difference,
    DifferenceKind,
    LinkChanged,
    LinkState,
    Notice,
    Part,
    Reconciled,
    ReconciliationRun,
    RequestsWaiting,
    Severity,
    TradingStateChanged,
)
from core.domain.records import TradingStateRecord
from core.domain.risk import Unit
from core.metrics import Instrument, Kind
from core.orders.gauges import (
    BreakerNumbers,
    broker_numbers,
    bus_numbers,
    links_numbers,
    record_numbers,
    told_numbers,
)
from tests.builders import NOON


class Board:
    """The instruments of one bus, read by name."""

    def __init__(self) -> None:
        self.bus, self.clock = Bus(), ManualClock()
        self.found: dict[str, Instrument] = {}

    def hang(self, *instruments: Instrument) -> None:
        self.found.update({each.family().name: each for each in instruments})

    def all(self, name: str) -> dict[tuple[str, ...], float]:
        family = self.found[f"investiq_{name}"].family()
        return {each.labels: each.value for each in family.samples}

    def one(self, name: str) -> float | None:
        return self.all(name).get(())

    def on(self, name: str) -> set[tuple[str, ...]]:
        """Return the labels that are not 0."""
        return {labels for labels, value in self.all(name).items() if value}


@pytest.fixture
def board() -> Board:
    return Board()


def appended(*numbers: int) -> AuditAppended:
    records: Any = tuple(SimpleNamespace(seq=number) for number in numbers)
    return AuditAppended(records)


def verified(head: int, to: int, faults: int) -> AuditVerified:
    found = tuple(AuditFault(number, "torn") for number in range(faults))
    return AuditVerified(AuditReport(to, AuditHead(head, "D"), found, ()))


def test_the_audit_chain_grows_and_is_verified(board: Board) -> None:
    board.hang(*record_numbers(board.bus))
    names = ("audit_records", "audit_head", "audit_verified", "audit_faults")

    def now() -> list[float | None]:
        return [board.one(name) for name in names]

    steps = [now()]
    for event in (
        appended(3, 4, 5), verified(9, 8, 2), appended(6), verified(7, 7, 0), appended(12), verified(11, 3, 1)
    ):  # fmt: skip
        board.bus.publish(event)
        steps.append(now())

    assert steps == [
        [0, 0, 0, 0], [3, 5, 0, 0], [3, 9, 8, 2], [4, 9, 8, 2], [4, 9, 7, 0], [5, 12, 7, 0], [5, 12, 3, 1]
    ]  # fmt: skip


def test_notices_are_counted_by_how_loud_they_are_and_alarms_that_nobody_has_seen(board: Board) -> None:
    board.hang(*told_numbers(board.bus))
    before = (board.all("notices"), board.one("alarms_waiting"))

    for severity in (Severity.WARNING, Severity.ALARM, Severity.ALARM):
        board.bus.publish(Notice(severity, "words"))
    alarms = tuple(Alarm(number, "words", "", NOON) for number in range(3))
    waiting = []
    for count in (3, 1):
        board.bus.publish(AlarmsChanged(alarms[:count]))
        waiting.append(board.one("alarms_waiting"))

    assert before == ({(each.value,): 0 for each in Severity}, 0)
    assert board.on("notices") == {("warning",), ("alarm",)}
    assert (board.all("notices")["alarm",], waiting) == (2, [3, 1])


def run(board: Board, *repaired: bool, failure: str = "") -> Reconciled:
    found = tuple(Difference(DifferenceKind.CASH, "cash", "1", "2", each) for each in repaired)
    now = board.clock.now()
    return Reconciled(ReconciliationRun(now - timedelta(seconds=9), now, found, failure))


def test_comparisons_are_counted_and_the_newest_is_measured(board: Board) -> None:
    board.hang(*broker_numbers(board.clock, board.bus))
    names = ("reconciliation_age_seconds", "reconciliation_differences")
    before = [board.one(name) for name in names]

    board.bus.publish(run(board, True, False, False, True, False))
    board.clock.turn(7)
    first = [board.one(name) for name in names]
    board.bus.publish(run(board, failure="the broker is down"))

    assert before == [None, None]
    assert first == [7, 3]
    assert [board.one(name) for name in names] == [0, 0]
    assert board.all("reconciliations") == {("ended",): 1, ("failed",): 1}


def test_requests_that_wait_are_those_of_the_last_word(board: Board) -> None:
    board.hang(*broker_numbers(board.clock, board.bus))
    names = ("broker_requests_waiting", "broker_wait_seconds")
    steps = [[board.one(name) for name in names]]

    for event in (RequestsWaiting(4, 2.5), RequestsWaiting(0, 0.5)):
        board.bus.publish(event)
        steps.append([board.one(name) for name in names])

    assert steps == [[0, 0], [4, 2.5], [0, 0.5]]


def test_the_bus_tells_how_deep_it_was_and_who_raised(board: Board, expected_log) -> None:
    expected_log("subscriber.failed")
    board.hang(*bus_numbers(board.bus))

    def fails(event: object) -> None:
        raise ValueError

    board.bus.subscribe(Notice, fails)
    for _ in range(2):
        board.bus.publish(Notice(Severity.FACT, "words"))

    assert (board.one("bus_deepest"), board.one("bus_failures")) == (1, 2)
    assert board.found["investiq_bus_failures"].family().kind is Kind.COUNTER
    assert board.found["investiq_bus_deepest"].family().kind is Kind.GAUGE


def step(name: BreakerName, state: BreakerState, source: str = "") -> BreakerRecord:
    return BreakerRecord(
        name, state, source, "", Decimal(1), Decimal(1), Unit.NONE, "desk", "admin", "", NOON
    )


def test_of_a_breaker_for_several_ways_in_the_worst_is_shown(board: Board) -> None:
    numbers = BreakerNumbers(board.bus)
    board.hang(*numbers.instruments)
    name, other = BreakerName.DRIFT, BreakerName.SLIPPAGE
    armed, tripped, seen = BreakerState.ARMED, BreakerState.TRIPPED, BreakerState.ACKNOWLEDGED
    quiet = {(each.value, armed.value) for each in BreakerName}

    def shown() -> set[tuple[str, ...]]:
        return board.on("breaker_state") - quiet

    before = board.on("breaker_state")
    numbers.restore((step(name, seen, "api"), step(other, tripped)))
    steps = [shown()]
    for record in (step(name, tripped, "agent"), step(name, armed, "agent"), step(name, armed, "api")):
        board.bus.publish(BreakerChanged(record))
        steps.append(shown())

    rest = (other.value, tripped.value)
    assert before == quiet
    assert len(board.all("breaker_state")) == len(BreakerName) * len(BreakerState)
    assert steps == [
        {rest, (name.value, seen.value)},
        {rest, (name.value, tripped.value)},
        {rest, (name.value, seen.value)},
        {rest},
    ]
    assert board.all("breaker_steps") == {(name.value, tripped.value): 1, (name.value, armed.value): 2}


def test_links_and_the_trading_state_are_those_of_now(board: Board) -> None:
    clock = board.clock
    quotes: list[Any] = []
    state: Any = SimpleNamespace(
        quotes=SimpleNamespace(all=lambda: quotes), trading_state=None, account=SimpleNamespace(age_s=None)
    )
    links: Any = SimpleNamespace(states={})
    board.hang(*links_numbers(state, links, clock, board.bus))

    before = (board.on("trading_state"), board.on("link_state"), board.all("link_state_age_seconds"))
    ages = [board.one("quote_age_seconds"), board.one("account_age_seconds")]
    sizes = (len(board.all("trading_state")), len(board.all("link_state")))
    for part, link in ((Part.FEED, LinkState.DOWN), (Part.FEED, LinkState.UP), (Part.BROKER, LinkState.DOWN)):
        links.states[part] = changed = LinkChanged(part, link, clock.now())
        board.bus.publish(changed)
        clock.turn(5)
    for each in (TradingState.HALTED, TradingState.ACTIVE, TradingState.HALTED):
        board.bus.publish(TradingStateChanged(TradingStateRecord(each, "x", "kim", NOON)))
    state.trading_state, state.account.age_s = TradingState.REDUCING, 4.0
    quotes.extend(SimpleNamespace(received=received) for received in (2.0, 11.0, 3.0))

    assert before == (set(), set(), {})
    assert ages == [None, None]
    assert sizes == (len(TradingState), len(Part) * len(LinkState))
    assert board.on("trading_state") == {(TradingState.REDUCING.value,)}
    assert board.on("link_state") == {
        (Part.FEED.value, LinkState.UP.value), (Part.BROKER.value, LinkState.DOWN.value)
    }  # fmt: skip
    assert board.all("link_state_age_seconds") == {(Part.FEED.value,): 10, (Part.BROKER.value,): 5}
    losses = {each: value for (each,), value in board.all("link_losses").items()}
    assert losses == {each.value: int(each in (Part.FEED, Part.BROKER)) for each in Part}
    moves = {each: value for (each,), value in board.all("trading_state_changes").items()}
    counted = {TradingState.HALTED: 2, TradingState.ACTIVE: 1}
    assert moves == {each.value: counted.get(each, 0) for each in TradingState}
    assert [board.one("quote_age_seconds"), board.one("account_age_seconds")] == [4, 4]
