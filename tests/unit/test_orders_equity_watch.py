"""The day's loss and the peak: when they are known, and when the peak is stored."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from core.bus import Bus
from core.clock import ManualClock, settle
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.limits import Limits
from core.domain.market import MarketSession, SessionPhase
from core.domain.money import Money
from core.domain.outcomes import PortfolioPeak
from core.domain.portfolio import Account
from core.domain.risk import Unit
from core.errors import RefusalCode, Refused, StorageUnwritable
from core.orders.equity_watch import RETRY_S, EquityWatch
from core.orders.gather import LiveState
from core.orders.supervision import Means
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from core.tasks import Tasks
from tests.guards import heard

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
CLOSED, REGULAR, POST = SessionPhase.CLOSED, SessionPhase.REGULAR, SessionPhase.POST


class Peaks:
    """A journal that keeps the peaks it is given, or refuses."""

    def __init__(self) -> None:
        self.kept: list[PortfolioPeak] = []
        self.refuses = False

    async def write(self, work: Any) -> Any:
        if self.refuses:
            raise StorageUnwritable("the disk is full")
        return work(self, lambda _: None)

    def insert_peak(self, peak: PortfolioPeak) -> None:
        self.kept.append(peak)


class Desk:
    """An account of cash alone, whose worth a test sets."""

    def __init__(self) -> None:
        self.clock, self.peaks = ManualClock(), Peaks()
        self.state = LiveState(
            QuoteBook(self.clock), OrderBook(), PositionBook(), AccountState(self.clock), {}, Limits()
        )
        means = Means(self.clock, Bus(), Tasks(), Random(1))
        self.watch = EquityWatch(self.state, self.peaks, means)  # type: ignore[arg-type]
        self.watch.is_settled = True
        self.at(NOON)

    def at(self, now: datetime, phase: SessionPhase = REGULAR) -> None:
        self.state.session = MarketSession(now, phase, now, now + timedelta(hours=4))

    def worth(self, cash: str, start: str = "1000") -> None:
        """Let the broker answer; what its cash differs by is explained."""
        money = Money(cash)
        answer = Account("A", money, money, money, Money(start))
        self.state.account.begin_anew()
        self.state.account.confirm(answer, self.state.account.epoch)

    async def follow(self) -> None:
        self.watch.follow()
        await settle()

    def figure(self, name: BreakerName) -> Decimal | None:
        return next(each.figure for each in self.watch.readings() if each.name is name)

    @property
    def loss(self) -> Decimal | None:
        return self.figure(BreakerName.DAILY_LOSS)


def acknowledged() -> BreakerRecord:
    return BreakerRecord(
        BreakerName.DRAWDOWN, BreakerState.ACKNOWLEDGED, "", "", None, None, Unit.PERCENT, "kim", "admin",
        "a new plan", NOON,
    )  # fmt: skip


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def test_nothing_is_known_before_the_account_and_its_flows_are(desk: Desk) -> None:
    before = desk.loss
    desk.worth("900")
    desk.watch.is_settled = False
    unsettled = desk.loss
    desk.watch.is_settled = True

    assert (before, unsettled, desk.loss) == (None, None, 10)


@pytest.mark.parametrize(
    ("phase", "loss"), [(CLOSED, None), (SessionPhase.PRE, 10), (REGULAR, 10), (POST, 10)]
)
async def test_the_days_loss_is_unknown_while_the_market_is_closed(
    desk: Desk, phase: SessionPhase, loss: int | None
) -> None:
    desk.worth("900")
    desk.at(NOON, phase)

    assert desk.loss == loss


async def test_the_days_loss_is_unknown_while_market_time_is(desk: Desk) -> None:
    desk.worth("900")
    desk.state.session = None
    await desk.follow()

    assert desk.loss is None


async def test_on_a_new_day_nothing_is_measured_before_the_broker_has_answered_anew(desk: Desk) -> None:
    desk.worth("800")
    await desk.follow()

    desk.at(NOON + timedelta(days=3))
    await desk.follow()
    before = desk.loss
    desk.worth("799", start="800")

    assert before is None
    assert desk.loss == Decimal("0.125")


async def test_cash_that_nothing_explains_is_neither_lost_nor_gained(desk: Desk) -> None:
    desk.worth("1000")
    account = desk.state.account.account
    assert account is not None

    desk.state.account.confirm(replace(account, cash=Money(400)), desk.state.account.epoch)
    unexplained = desk.loss
    desk.state.account.explain(Decimal(-600))

    assert unexplained == 0
    assert desk.loss == 60


async def test_a_peak_is_stored_by_steps_and_kept_in_memory_at_once(desk: Desk) -> None:
    for cash in ("1000", "1000.50", "1000.99", "1001", "990"):
        desk.worth(cash)
        await desk.follow()

    assert [each.equity for each in desk.peaks.kept] == [1000, 1001]
    assert desk.state.peak is not None
    assert desk.state.peak.equity == 1001
    assert desk.figure(BreakerName.DRAWDOWN) == Decimal(1100) / 1001


async def test_a_peak_that_has_risen_a_little_is_stored_at_the_close(desk: Desk) -> None:
    desk.worth("1000")
    await desk.follow()
    desk.worth("1000.50")
    await desk.follow()
    during = len(desk.peaks.kept)

    for _ in range(2):
        desk.at(NOON + timedelta(hours=4), POST)
        await desk.follow()

    assert during == 1
    assert [each.equity for each in desk.peaks.kept] == [1000, Decimal("1000.50")]


async def test_a_peak_that_cannot_be_stored_holds_and_is_tried_again(desk: Desk) -> None:
    desk.peaks.refuses = True
    desk.worth("1000")
    for _ in range(3):
        await desk.follow()
    desk.peaks.refuses = False
    await desk.follow()
    held, early = desk.state.peak, len(desk.peaks.kept)

    desk.clock.turn(RETRY_S)
    await desk.follow()

    assert held is not None
    assert early == 0
    assert [each.equity for each in desk.peaks.kept] == [1000]


async def test_an_account_that_is_worth_nothing_makes_no_peak(desk: Desk) -> None:
    desk.worth("0")
    await desk.follow()

    assert desk.state.peak is None
    assert desk.figure(BreakerName.DRAWDOWN) is None


async def test_a_restored_peak_is_what_the_drawdown_is_measured_from(desk: Desk) -> None:
    desk.watch.restore(PortfolioPeak(Money(2000), "peak", NOON))
    desk.worth("1500")
    await desk.follow()

    assert desk.figure(BreakerName.DRAWDOWN) == 25
    assert desk.peaks.kept == []


async def test_an_acknowledged_drawdown_needs_equity_to_be_known(desk: Desk) -> None:
    record = acknowledged()

    with pytest.raises(Refused) as caught:
        desk.watch.completed(record)
    desk.worth("700")
    _, peak = desk.watch.completed(record)

    assert caught.value.code is RefusalCode.NOT_READY
    assert peak == PortfolioPeak(Money(700), "a new plan", NOON)


async def test_each_figure_is_told_in_words(desk: Desk) -> None:
    unknown = [(each.name, each.figure, each.text, each.source) for each in desk.watch.readings()]
    desk.watch.restore(PortfolioPeak(Money(1200), "peak", NOON))
    desk.worth("900")

    found = [(each.name, each.figure, each.text, each.source) for each in desk.watch.readings()]

    names = (BreakerName.DAILY_LOSS, BreakerName.AGENT_LOSS, BreakerName.DRAWDOWN)
    lost, below = "The day has lost 10 % of its first equity.", "The account stands 25 % below its peak."
    assert unknown == [(name, None, "", "") for name in names]
    assert found == [(names[0], 10, lost, ""), (names[1], 10, lost, ""), (names[2], 25, below, "")]


async def test_what_the_owner_put_in_today_is_no_gain(desk: Desk) -> None:
    desk.worth("1150")
    desk.state.day_flows = Decimal(200)

    assert desk.loss == 5


async def test_a_little_more_after_the_close_waits_for_the_next_one(desk: Desk) -> None:
    desk.worth("1000")
    await desk.follow()
    kept = []
    for phase, cash in (
        (POST, "1000"), (POST, "1000.10"), (CLOSED, "1000.20"), (SessionPhase.PRE, "1000.20"),
        (REGULAR, "1000.30"), (REGULAR, "1000.40"), (None, "1000.40"), (POST, "1000.40"), (POST, "1000.50"),
    ):  # fmt: skip
        desk.worth(cash)
        if phase is None:
            desk.state.session = None
        else:
            desk.at(NOON, phase)
        await desk.follow()
        kept.append(desk.peaks.kept[-1].equity)

    assert kept == [1000] * 7 + [Decimal("1000.40")] * 2
    assert len(desk.peaks.kept) == 2


async def test_a_peak_names_its_reason_and_our_time(desk: Desk) -> None:
    desk.clock.turn(9)
    desk.worth("1000")
    await desk.follow()
    desk.clock.turn(9)
    await desk.follow()

    assert desk.peaks.kept == [PortfolioPeak(Money(1000), "peak", desk.clock.now() - timedelta(seconds=9))]
    assert desk.state.peak == desk.peaks.kept[0]


async def test_nothing_is_restored_where_nothing_was_stored(desk: Desk) -> None:
    desk.watch.restore(None)
    desk.worth("1000")
    await desk.follow()

    assert [each.equity for each in desk.peaks.kept] == [1000]


async def test_a_peak_that_money_has_moved_or_a_person_has_set_is_taken_for_stored(desk: Desk) -> None:
    desk.worth("1000")
    await desk.follow()
    desk.watch.moved(PortfolioPeak(Money(500), "flow", NOON))
    moved = desk.state.peak
    desk.worth("500.40")
    await desk.follow()
    desk.worth("500.50")
    await desk.follow()
    record = acknowledged()
    for name, equity in ((BreakerName.DAILY_LOSS, "300"), (BreakerName.DRAWDOWN, "200")):
        desk.state.peak = PortfolioPeak(Money(equity), "x", NOON)
        desk.worth(equity)
        desk.watch.forget(replace(record, name=name))
        await desk.follow()
    desk.worth("200.20")
    await desk.follow()

    assert moved == PortfolioPeak(Money(500), "flow", NOON)
    assert [each.equity for each in desk.peaks.kept] == [1000, Decimal("500.50"), Decimal("200.20")]


async def test_a_peak_that_rose_while_another_one_was_refused_is_the_one_that_is_kept(desk: Desk) -> None:
    desk.peaks.refuses = True
    desk.worth("1000")
    await desk.follow()
    desk.peaks.refuses = False
    desk.worth("1100")
    desk.clock.turn(RETRY_S - 0.5)
    await desk.follow()
    early = len(desk.peaks.kept)
    desk.clock.turn(0.5)
    await desk.follow()

    assert early == 0
    assert [each.equity for each in desk.peaks.kept] == [1100]
    assert heard() == [("peak.unwritable", {"reason": "the disk is full"})]


async def test_an_acknowledged_drawdown_is_recorded_as_it_came(desk: Desk) -> None:
    record = acknowledged()
    words = "The account's equity is not known now, so no peak can be set; try again."

    with pytest.raises(Refused) as caught:
        desk.watch.completed(record)
    desk.worth("7")

    assert caught.value.message == words
    assert desk.watch.completed(record)[0] is record
