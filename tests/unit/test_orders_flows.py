"""Moved money: when the broker is asked, from when on, what explains the cash and what moves the peak."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from core.bus import Bus
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditDraft
from core.domain.market import MarketSession, SessionPhase
from core.domain.money import Money
from core.domain.outcomes import CashFlow, PortfolioPeak
from core.errors import BrokerUnavailable
from core.orders.flows import ASK_EVERY_S, RETRY_S, CashFlows
from core.orders.supervision import Means
from core.tasks import Tasks
from tests.guards import heard

NOON = datetime(2026, 1, 6, 17, 0, tzinfo=UTC)
DESK = Actor("desk", "admin", Origin.DESK, "s-1")


def flow(name: str, amount: str, *, external: bool = True, at: datetime = NOON) -> CashFlow:
    return CashFlow(name, "deposit" if external else "fee", external, Money(amount), "", at)


class Cash:
    """An account of which only the part that nothing explains is known."""

    def __init__(self) -> None:
        self.drift: Decimal | None = Decimal(0)
        self.explained: list[Decimal] = []

    def explain(self, amount: Decimal) -> None:
        self.explained.append(amount)
        self.drift = None if self.drift is None else self.drift - amount


class Equity:
    """Takes the peaks."""

    def __init__(self) -> None:
        self.is_settled = False
        self.peaks: list[PortfolioPeak] = []

    def moved(self, peak: PortfolioPeak) -> None:
        self.peaks.append(peak)


class Room:
    """The room for moved money, between a broker and a book in memory."""

    def __init__(self) -> None:
        self.clock, self.cash, self.equity = ManualClock(NOON), Cash(), Equity()
        self.since: list[datetime] = []
        self.told: list[CashFlow] = []
        self.rows: list[CashFlow] = []
        self.drafts: list[AuditDraft] = []
        self.peaks: list[PortfolioPeak] = []
        self.confirmed = 0
        self.is_down = self.is_known = False
        self.state: Any = SimpleNamespace(
            account=self.cash, peak=None, day_flows=Decimal(-9), ready=True,
            session=MarketSession(NOON, SessionPhase.REGULAR, NOON, NOON),
        )  # fmt: skip
        room: Any = self
        means = Means(self.clock, Bus(), Tasks(), Random(1))
        self.flows = CashFlows(self.state, room, room, room, self.equity, self.confirm, DESK, means)  # type: ignore[arg-type]

    async def cash_flows(self, since: datetime) -> Sequence[CashFlow]:
        self.since.append(since)
        if self.is_down:
            raise BrokerUnavailable("not now")
        return list(self.told)

    async def confirm(self) -> None:
        self.confirmed += 1

    async def read(self, query: Any) -> Any:
        return query(SimpleNamespace(cash_flows=lambda limit: self.rows[:limit]))

    async def write(self, work: Any) -> Any:
        return work(self, self.drafts.append)

    def insert_cash_flow(self, made: CashFlow) -> bool:
        if not self.is_known:
            self.rows.append(made)
        return not self.is_known

    def insert_peak(self, peak: PortfolioPeak) -> None:
        self.peaks.append(peak)


@pytest.fixture
def room() -> Room:
    return Room()


async def test_the_broker_is_asked_once_a_minute_and_at_once_where_cash_is_not_explained(room: Room) -> None:
    asked = []
    for seconds, drift in (
        (0, "0"), (ASK_EVERY_S - 1, "0"), (1, "0"), (1, "5"), (1, "5"), (1, "6"), (1, "0"), (58, "0"),
        (1, "0"),
    ):  # fmt: skip
        room.clock.turn(seconds)
        room.cash.drift = Decimal(drift)
        await room.flows.ask()
        asked.append(len(room.since))

    assert asked == [1, 1, 2, 3, 3, 4, 4, 4, 5]
    assert room.confirmed == 0


async def test_nothing_is_asked_before_the_desk_is_ready_nor_is_an_unknown_drift_a_reason(room: Room) -> None:
    room.state.ready = False
    await room.flows.ask()
    before = (len(room.since), room.equity.is_settled)
    room.state.ready, room.cash.drift = True, None
    for _ in range(2):
        await room.flows.ask()

    assert before == (0, False)
    assert (len(room.since), room.equity.is_settled) == (1, True)


async def test_a_question_that_fails_is_asked_again_after_ten_seconds(room: Room) -> None:
    room.is_down = True
    room.cash.drift = Decimal(5)
    asked = []
    for seconds in (0, RETRY_S - 1, 1):
        room.clock.turn(seconds)
        try:
            await room.flows.ask()
        except BrokerUnavailable:
            asked.append(room.clock.monotonic())

    assert asked == [0, RETRY_S]
    assert not room.equity.is_settled


async def test_it_asks_from_a_week_before_the_newest_on(room: Room) -> None:
    await room.flows.ask()
    room.rows = [flow("A", "1", at=NOON - timedelta(days=3)), flow("B", "1", at=NOON - timedelta(days=1))]
    await room.flows.restore()
    room.told = list(room.rows)
    room.clock.turn(ASK_EVERY_S)
    await room.flows.ask()

    assert room.since == [datetime(1970, 1, 1, tzinfo=UTC), NOON - timedelta(days=8)]
    assert (room.drafts, room.confirmed) == ([], 0)


async def test_a_flow_is_booked_once_with_its_record_and_the_cash_is_asked_for_before(room: Room) -> None:
    room.told = [flow("A", "12.50"), flow("B", "-1", external=False)]
    room.cash.drift = Decimal("11.5")
    for _ in range(2):
        await room.flows.ask()
        room.clock.turn(ASK_EVERY_S)

    assert room.confirmed == 1
    assert room.rows == room.told
    assert [(each.action, each.actor, each.entity, json.loads(each.payload)) for each in room.drafts] == [
        ("cash_flow.booked", DESK, "deposit 12.5", {"activity_id": "A", "kind": "deposit", "amount": "12.5"}),
        ("cash_flow.booked", DESK, "fee -1", {"activity_id": "B", "kind": "fee", "amount": "-1"}),
    ]
    assert room.cash.explained == [Decimal("12.5"), -1]
    assert room.state.day_flows == Decimal("12.5")
    assert [each[1]["amount"] for each in heard()] == ["12.5", "-1"]


async def test_what_the_book_has_already_leaves_no_second_record(room: Room) -> None:
    room.is_known = True
    room.state.peak = PortfolioPeak(Money(100), "peak", NOON)
    room.told = [flow("A", "-5")]
    await room.flows.ask()

    assert (room.drafts, room.peaks) == ([], [])


@pytest.mark.parametrize(("drift", "amounts", "explained"), [
    ("30", ("30",), [30]), ("30", ("20",), [20]), ("30", ("59",), [59]), ("30", ("60",), []),
    ("0", ("5",), []),
    ("30", ("40", "-10"), [40, -10]), ("-5", ("-5", "100"), [-5]), ("7", ("-7",), []), (None, ("5",), []),
])  # fmt: skip
async def test_a_flow_explains_cash_that_would_be_nearer_with_it(
    room: Room, drift: str | None, amounts: tuple[str, ...], explained: list[int]
) -> None:
    room.cash.drift = None if drift is None else Decimal(drift)
    room.told = [flow(f"F-{number}", each) for number, each in enumerate(amounts)]

    await room.flows.ask()

    assert room.cash.explained == explained


@pytest.mark.parametrize(("amount", "external", "settled", "drift", "peak"), [
    ("10", True, True, "10", 110), ("10", True, True, "0", None), ("10", True, False, "0", 110),
    ("-10", True, True, "0", 90), ("-10", True, True, "-10", 90), ("-100", True, True, "0", 0),
    ("-101", True, True, "0", 0), ("10", False, True, "10", None), ("-10", False, False, "-10", None),
])  # fmt: skip
async def test_money_of_the_owner_moves_the_peak(
    room: Room, amount: str, external: bool, settled: bool, drift: str, peak: int | None
) -> None:
    room.state.peak = PortfolioPeak(Money(100), "peak", NOON)
    room.equity.is_settled, room.cash.drift = settled, Decimal(drift)
    room.told = [flow("A", amount, external=external)]
    room.clock.turn(3)

    await room.flows.ask()

    moved = [] if peak is None else [PortfolioPeak(Money(peak), "flow", NOON + timedelta(seconds=3))]
    assert room.peaks == room.equity.peaks == moved


async def test_without_a_peak_none_is_moved(room: Room) -> None:
    room.told = [flow("A", "10"), flow("B", "10", external=False)]

    await room.flows.ask()

    assert room.peaks == []


async def test_the_flows_of_the_market_day_are_those_of_the_owner_on_it(room: Room) -> None:
    midnight = datetime(2026, 1, 6, 5, 0, tzinfo=UTC)  # in New York
    room.rows = [
        flow("A", "1", at=midnight - timedelta(seconds=1)), flow("B", "2", at=midnight),
        flow("C", "4", at=midnight + timedelta(hours=23)), flow("D", "8", external=False),
        flow("E", "16", at=midnight + timedelta(days=1)), flow("F", "-32"),
    ]  # fmt: skip
    await room.flows.restore()
    session, room.state.session = room.state.session, None
    room.flows.follow()
    unknown = room.state.day_flows
    room.state.session = session
    room.flows.follow()

    assert (unknown, room.state.day_flows) == (-9, -26)
