"""What counts as a reject of the broker and as a losing streak, and what makes the count begin anew."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.domain.access import Origin
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.messages import OrderChanged
from core.domain.money import Money, Qty
from core.domain.order import Order
from core.domain.outcomes import TradeOutcome
from core.domain.risk import Unit
from core.domain.terms import OrdStatus, Side
from core.ids import ClOrdId, ExecId
from core.orders.order_watch import KEPT, RejectWatch, StreakWatch
from core.orders.watching import Reading
from tests.builders import AAPL, NOON
from tests.fakes.book import Managed, sent

WINDOW, API, AGENT, DESK = Origin.WINDOW, Origin.API, Origin.AGENT, Origin.DESK


def rejected(number: int, origin: Origin | None = WINDOW, text: str = "no", **more: object) -> Order:
    order = sent(ClOrdId(f"IQ-{number}"), ended=OrdStatus.REJECTED, origin=origin, text=text)
    return replace(order, **more)  # type: ignore[arg-type]


def step(name: BreakerName, state: BreakerState, source: str = "", value: str | None = None) -> BreakerRecord:
    number = None if value is None else Decimal(value)
    return BreakerRecord(name, state, source, "", number, None, Unit.COUNT, "kim", "admin", "ok", NOON)


class Rejects(Managed):
    def __init__(self) -> None:
        super().__init__()
        limits = self.state.limits
        self.state.limits = replace(limits, rejects_s=60.0)
        self.state.agent_limits = replace(limits, rejects_s=30.0)
        self.watch = RejectWatch(self.state, self.clock, self.bus)

    def counts(self) -> list[int]:
        return [int(each.figure) for each in self.watch.readings() if each.figure is not None]


@pytest.fixture
def rejects() -> Rejects:
    return Rejects()


def test_rejects_are_counted_by_their_way_in(rejects) -> None:
    for number, origin in enumerate((WINDOW, API, API, AGENT, AGENT, AGENT)):
        rejects.bus.publish(OrderChanged(rejected(number, origin)))

    def reading(source: str, count: int, seconds: int) -> Reading:
        text = f"The broker rejected {count} orders of the {source} within {seconds} s."
        return Reading(BreakerName.REJECT_RATE, Decimal(count), text, source)

    assert rejects.watch.readings() == (
        reading("window", 1, 60),
        reading("api", 2, 60),
        reading("agent", 3, 30),
    )


@pytest.mark.parametrize(
    "order",
    [
        rejected(1, ended=OrdStatus.CANCELED),
        rejected(1, text="Not sent: no route"),
        rejected(1, gave_up=True),
        rejected(1, None),
        rejected(1, DESK),
    ],
    ids=["canceled", "never left", "given up", "nobody's", "the desk's own"],
)
def test_what_the_broker_did_not_reject_of_a_way_in_is_not_counted(rejects, order) -> None:
    rejects.bus.publish(OrderChanged(order))

    assert rejects.counts() == [0, 0, 0]


def test_an_order_is_counted_once(rejects) -> None:
    for _ in range(2):
        rejects.bus.publish(OrderChanged(rejected(1)))

    assert rejects.counts() == [1, 0, 0]


def test_a_reject_counts_until_its_time_is_over(rejects) -> None:
    rejects.bus.publish(OrderChanged(rejected(1)))
    rejects.bus.publish(OrderChanged(rejected(2, AGENT)))
    counts = []

    for seconds in (29.5, 0.5, 29.5, 0.5):
        rejects.clock.turn(seconds)
        counts.append(rejects.counts())

    assert counts == [[1, 0, 1], [1, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_what_the_last_run_saw_counts_from_when_it_was(rejects) -> None:
    now = NOON + timedelta(seconds=50)
    orders = [rejected(1, updated_at=NOON), rejected(2, updated_at=NOON + timedelta(seconds=20))]
    rejects.watch.restore([*orders, sent()], now)
    counts = [rejects.counts()]

    for seconds in (9.5, 0.5, 20):
        rejects.clock.turn(seconds)
        counts.append(rejects.counts())
    rejects.bus.publish(OrderChanged(orders[0]))

    assert counts == [[2, 0, 0], [2, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert rejects.counts() == [0, 0, 0]


def test_an_acknowledgement_begins_the_count_of_its_own_source_anew(rejects) -> None:
    for number, origin in enumerate((WINDOW, API)):
        rejects.bus.publish(OrderChanged(rejected(number, origin)))

    rejects.watch.forget(step(BreakerName.SLIPPAGE, BreakerState.ACKNOWLEDGED))
    before = rejects.counts()
    rejects.watch.forget(step(BreakerName.REJECT_RATE, BreakerState.ACKNOWLEDGED, "api"))

    assert (before, rejects.counts()) == ([1, 1, 0], [1, 0, 0])


def test_no_more_rejects_are_kept_than_anybody_asks_for(rejects) -> None:
    for number in range(KEPT + 1):
        rejects.bus.publish(OrderChanged(rejected(number)))
    full = rejects.counts()
    rejects.bus.publish(OrderChanged(rejected(KEPT)))
    rejects.watch.forget(step(BreakerName.REJECT_RATE, BreakerState.ACKNOWLEDGED, "window"))
    rejects.bus.publish(OrderChanged(rejected(0)))

    assert full == [500, 0, 0]
    assert rejects.counts() == [1, 0, 0]


def outcome(number: int, pnl: int) -> TradeOutcome:
    name = f"{number}"
    return TradeOutcome(
        ExecId(name),
        ClOrdId(name),
        AAPL,
        Side.BUY,
        Qty(1),
        Money(pnl),
        Money(0),
        NOON + timedelta(days=number),
    )


def streak(watch: StreakWatch) -> int:
    (reading,) = watch.readings()
    count = int(reading.figure or 0)
    text = f"{count} trades in a row have lost."
    assert reading == Reading(BreakerName.LOSING_STREAK, Decimal(count), text)
    return count


LOST = [outcome(number, -1) for number in (5, 4, 3, 2)]


def test_losses_in_a_row_are_counted_and_a_gain_ends_them() -> None:
    watch = StreakWatch()
    counts = [streak(watch)]

    for number, pnl in enumerate((-1, -1, 5, -1)):
        watch.note(outcome(number, pnl))
        counts.append(streak(watch))

    assert counts == [0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("record", "count"),
    [
        (None, 4),
        (step(BreakerName.LOSING_STREAK, BreakerState.TRIPPED, value="3"), 4),
        (step(BreakerName.LOSING_STREAK, BreakerState.ACKNOWLEDGED), 4),
        (step(BreakerName.LOSING_STREAK, BreakerState.ACKNOWLEDGED, value="8"), 2),
        (step(BreakerName.LOSING_STREAK, BreakerState.ARMED, value="9"), 1),
        (step(BreakerName.LOSING_STREAK, BreakerState.ARMED, value="12"), 0),
    ],
)
def test_a_start_counts_what_came_after_the_acknowledgement(record, count) -> None:
    watch = StreakWatch()

    watch.restore([*LOST, outcome(1, 7)], 10, record)

    assert streak(watch) == count
    watch.note(outcome(6, -1))
    assert streak(watch) == count + 1


def test_the_newest_of_what_is_stored_is_the_end_of_the_streak() -> None:
    watch = StreakWatch()

    watch.restore([outcome(3, -1), outcome(2, 7), outcome(1, -1), outcome(0, -1)], 4, None)
    before = streak(watch)
    watch.note(outcome(4, -1))

    assert (before, streak(watch)) == (1, 2)


def test_an_acknowledgement_ends_the_streak_and_notes_how_many_there_were() -> None:
    watch = StreakWatch()
    watch.restore(LOST, 10, None)
    watch.note(outcome(6, -1))
    tripped = step(BreakerName.LOSING_STREAK, BreakerState.TRIPPED, value="5")

    watch.forget(step(BreakerName.DRAWDOWN, BreakerState.ACKNOWLEDGED))
    before = streak(watch)
    completed = watch.completed(tripped)
    watch.forget(tripped)
    after = streak(watch)
    watch.note(outcome(7, -1))

    assert (before, after, streak(watch)) == (5, 0, 1)
    assert completed == (replace(tripped, value=Decimal(11)), None)
