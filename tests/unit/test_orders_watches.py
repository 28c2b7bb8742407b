"""What measures the breakers, one at a time: bad fills, too many shares, orders out, silence, torn notes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
import pytest

from core.audit.folded import trips
from core.bus import Bus
from core.clock import ManualClock
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.execution import Fill
from core.domain.limits import Limits
from core.domain.market import MarketSession, Quote, SessionPhase
from core.domain.messages import FillBooked, LinkChanged, LinkState, OrderChanged, Part, SessionTicked
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.risk import Unit
from core.domain.terms import OrderTerms, OrdType, Side, TimeInForce
from core.errors import BrokerUnavailable
from core.ids import ClOrdId, ExecId
from core.orders.counted import PATIENCE_S, OrderCount
from core.orders.fill_watch import FillWatch
from core.orders.gather import LiveState
from core.orders.link_watch import LinkWatch
from core.portfolio.lots import position_of
from core.risk.slippage import decision_price, slip_pct
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from tests.builders import AAPL, NOON, terms
from tests.unit.test_portfolio_outcomes import fill as closing_fill

BUY, SELL = Side.BUY, Side.SELL
ONE = ClOrdId("IQ-1")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def state(clock: ManualClock) -> LiveState:
    return LiveState(QuoteBook(clock), OrderBook(), PositionBook(), AccountState(clock), {}, Limits())


def order(body: OrderTerms | None = None, **changes: object) -> Order:
    made = Order(ONE, body or terms(BUY, 10, "100"), NOON, NOON, acked=True)
    return replace(made, **changes)  # type: ignore[arg-type]


def fill(px: str, side: Side = BUY, **changes: object) -> Fill:
    made = Fill(ExecId("X"), ONE, AAPL, side, Qty(10), Price(px), Money(0), NOON)
    return replace(made, **changes)  # type: ignore[arg-type]


def acknowledged(name: BreakerName) -> BreakerRecord:
    return BreakerRecord(
        name, BreakerState.ACKNOWLEDGED, "", "", None, None, Unit.NONE, "kim", "admin", "x", NOON
    )


def figure(watch: FillWatch | OrderCount | LinkWatch, name: BreakerName) -> Decimal | None:
    return next(each.figure for each in watch.readings() if each.name is name)


def quote(
    bid: str | None = "99", ask: str | None = "101", last: str | None = "100", *, halted: bool = False
) -> Quote:
    sides = [None if each is None else Price(each) for each in (bid, ask, last)]
    return Quote(AAPL, sides[0], sides[1], Qty(1), Qty(1), sides[2], None, Qty(0), halted, NOON, 0.0)


@pytest.mark.parametrize(
    ("body", "shown", "expected"),
    [
        (terms(BUY, 1), quote(), "101"),
        (terms(SELL, 1), quote(), "99"),
        (terms(BUY, 1, "98"), quote(), "101"),
        (terms(BUY, 1), quote(ask=None), "100"),
        (terms(BUY, 1), None, None),
        (terms(SELL, 1, stop="90"), quote(), "90"),
        (
            OrderTerms(AAPL, SELL, OrdType.TRAILING_STOP, TimeInForce.DAY, Qty(1), trail_px=Price("2")),
            quote(),
            None,
        ),
    ],
)
def test_a_decision_counts_on_the_far_side_or_on_its_own_stop(
    body: OrderTerms, shown: Quote | None, expected: str | None
) -> None:
    assert decision_price(body, shown) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(("side", "px", "pct"), [(BUY, "101", "1"), (BUY, "99", "-1"), (SELL, "99", "1")])
def test_worse_is_dearer_for_a_purchase_and_cheaper_for_a_sale(side: Side, px: str, pct: str) -> None:
    assert slip_pct(side, Decimal(100), Decimal(px)) == Decimal(pct)


def test_the_worst_fill_stands_until_it_is_acknowledged(state: LiveState) -> None:
    bus = Bus()
    watch = FillWatch(state, bus)
    watch.restore({ONE: Decimal(100)})
    state.orders.put(order())
    position = position_of([fill("100")])

    for px in ("101", "103", "102", "90"):
        bus.publish(FillBooked(fill(px), position))
    worst = figure(watch, BreakerName.SLIPPAGE)
    watch.forget(acknowledged(BreakerName.OVERFILL))
    still = figure(watch, BreakerName.SLIPPAGE)
    watch.forget(acknowledged(BreakerName.SLIPPAGE))

    assert (worst, still, figure(watch, BreakerName.SLIPPAGE)) == (3, 3, 0)


@pytest.mark.parametrize("changes", [{"inferred": True}, {"corrects": ExecId("Y")}])
def test_what_is_inferred_or_taken_back_is_no_fill_to_judge(
    state: LiveState, changes: dict[str, object]
) -> None:
    bus = Bus()
    watch = FillWatch(state, bus)
    watch.decided(order(), Decimal(100))

    bus.publish(FillBooked(fill("150", **changes), position_of([fill("100")])))

    assert figure(watch, BreakerName.SLIPPAGE) == 0


def test_an_order_without_a_decision_price_is_not_judged(state: LiveState) -> None:
    bus = Bus()
    watch = FillWatch(state, bus)
    watch.decided(order(), None)
    state.orders.put(order(external=True))
    position = position_of([fill("100")])

    bus.publish(FillBooked(fill("150"), position))
    state.orders.put(order())
    bus.publish(FillBooked(fill("150"), position))

    assert figure(watch, BreakerName.SLIPPAGE) == 0


def test_an_order_that_has_ended_is_forgotten(state: LiveState) -> None:
    bus = Bus()
    watch = FillWatch(state, bus)
    watch.decided(order(), Decimal(100))
    bus.publish(OrderChanged(order()))
    bus.publish(OrderChanged(order(cum_qty=Qty(10))))

    bus.publish(FillBooked(fill("150"), position_of([fill("100")])))

    assert figure(watch, BreakerName.SLIPPAGE) == 0


def test_the_same_excess_is_acknowledged_once_and_more_of_it_counts_anew(state: LiveState) -> None:
    watch = FillWatch(state, Bus())
    watch.overfilled(order(cum_qty=Qty(12)))
    first = figure(watch, BreakerName.OVERFILL)
    watch.forget(acknowledged(BreakerName.OVERFILL))

    watch.overfilled(order(cum_qty=Qty(12)))
    same = figure(watch, BreakerName.OVERFILL)
    watch.overfilled(order(cum_qty=Qty(15)))

    assert (first, same, figure(watch, BreakerName.OVERFILL)) == (2, 0, 5)


def test_an_order_is_let_out_as_often_as_it_was_asked_for(state: LiveState, clock: ManualClock) -> None:
    count, told = OrderCount(state, clock), []
    count.on_mismatch = lambda: told.append("mismatch")
    count.asked(ONE)
    count.asked(ONE)
    count.out(ONE)
    count.out(ONE)
    before = figure(count, BreakerName.ORDERS_OUT)

    with pytest.raises(BrokerUnavailable, match="not written ahead"):
        count.out(ONE)

    assert (before, figure(count, BreakerName.ORDERS_OUT), told) == (0, 1, ["mismatch"])
    count.forget(acknowledged(BreakerName.DRIFT))
    assert figure(count, BreakerName.ORDERS_OUT) == 1
    count.forget(acknowledged(BreakerName.ORDERS_OUT))
    assert figure(count, BreakerName.ORDERS_OUT) == 0


def test_an_order_that_stays_in_the_book_counts_after_a_while(state: LiveState, clock: ManualClock) -> None:
    count = OrderCount(state, clock)
    count.asked(ONE)
    state.orders.put(order(acked=False))
    clock.turn(PATIENCE_S - 0.1)
    before = figure(count, BreakerName.ORDERS_OUT)
    clock.turn(0.2)
    late = figure(count, BreakerName.ORDERS_OUT)
    state.in_flight.add(ONE)
    sending = figure(count, BreakerName.ORDERS_OUT)

    assert (before, late, sending) == (0, 1, 0)


def test_a_decision_that_was_called_off_is_owed_no_more(state: LiveState, clock: ManualClock) -> None:
    count = OrderCount(state, clock)
    count.asked(ONE)
    count.asked(ClOrdId("IQ-2"))
    state.orders.put(order(gave_up=True, cum_qty=Qty(10)))

    count.follow()

    with pytest.raises(BrokerUnavailable):
        count.out(ONE)
    count.out(ClOrdId("IQ-2"))


def session(now: datetime, phase: SessionPhase = SessionPhase.REGULAR) -> SessionTicked:
    return SessionTicked(MarketSession(now, phase, NOON, NOON + timedelta(hours=4)))


def down(state: LinkState = LinkState.DOWN, part: Part = Part.ORDERS) -> LinkChanged:
    return LinkChanged(part, state, NOON)


def test_silence_is_measured_in_regular_hours_only(state: LiveState, clock: ManualClock) -> None:
    bus = Bus()
    watch = LinkWatch(state, clock, bus)
    unknown = figure(watch, BreakerName.DISCONNECTION)
    bus.publish(session(NOON, SessionPhase.PRE))
    clock.turn(100)
    early = figure(watch, BreakerName.DISCONNECTION)
    bus.publish(session(NOON))
    clock.turn(30)
    regular = figure(watch, BreakerName.DISCONNECTION)
    bus.publish(session(NOON, SessionPhase.POST))

    assert (unknown, early, regular) == (None, None, 30)
    assert figure(watch, BreakerName.DISCONNECTION) is None


def test_the_stream_counts_from_where_it_was_lost_first(state: LiveState, clock: ManualClock) -> None:
    bus = Bus()
    watch = LinkWatch(state, clock, bus)
    bus.publish(session(NOON))
    bus.publish(down(LinkState.UP))
    bus.publish(down(part=Part.FEED))
    up = figure(watch, BreakerName.DISCONNECTION)
    for each in (LinkState.DOWN, LinkState.CONNECTING, LinkState.DOWN):
        bus.publish(down(each))
        clock.turn(10)

    assert (up, figure(watch, BreakerName.DISCONNECTION)) == (0, 30)


def test_market_time_goes_on_as_ours_while_the_feed_is_down(state: LiveState, clock: ManualClock) -> None:
    bus = Bus()
    watch = LinkWatch(state, clock, bus)
    bus.publish(session(NOON + timedelta(hours=4, seconds=-20)))
    clock.turn(15)
    before = figure(watch, BreakerName.DISCONNECTION)
    clock.turn(10)

    assert (before, figure(watch, BreakerName.DISCONNECTION)) == (15, None)


def test_the_freshest_price_of_what_is_held_counts_and_what_is_halted_has_none(
    state: LiveState, clock: ManualClock
) -> None:
    bus = Bus()
    watch = LinkWatch(state, clock, bus)
    bus.publish(session(NOON))
    nothing = figure(watch, BreakerName.STALE_DATA)
    state.positions.load([position_of([closing_fill(1, BUY, "5", "100")])])
    clock.turn(20)
    never = figure(watch, BreakerName.STALE_DATA)
    state.quotes.apply([replace(quote(), received=clock.monotonic())])
    clock.turn(5)
    shown = figure(watch, BreakerName.STALE_DATA)
    state.quotes.apply([quote(halted=True)])

    assert (nothing, never, shown) == (0, 20, 5)
    assert figure(watch, BreakerName.STALE_DATA) == 0


def note(action: str = "breaker.tripped", at: datetime = NOON, **changes: object) -> bytes:
    facts = {
        "name": "drawdown", "source": "", "text": "deep", "value": "11", "limit": "10", "unit": "percent",
    } | changes  # fmt: skip
    return orjson.dumps(
        {
            "action": action, "at": at.isoformat(), "actor": "desk", "role": "admin",
            "payload": orjson.dumps(facts).decode(),
        }
    )  # fmt: skip


def test_the_emergency_files_trips_are_read_back_whole() -> None:
    (trip,) = trips([note()], ())

    assert trip == BreakerRecord(
        BreakerName.DRAWDOWN, BreakerState.TRIPPED, "", "deep", Decimal(11), Decimal(10), Unit.PERCENT,
        "desk", "admin", "", NOON,
    )  # fmt: skip


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"{}", note("order.sent"), note(name="unheard"), note(value="much"), note()[:-9]]
)
def test_a_line_that_is_no_whole_trip_is_left_out(line: bytes) -> None:
    assert trips([line], ()) == ()


def test_a_trip_that_a_person_has_answered_since_is_not_folded_in_again() -> None:
    later = NOON + timedelta(minutes=1)
    stored = replace(acknowledged(BreakerName.DRAWDOWN), at=later)

    assert trips([note()], [stored]) == ()
    assert len(trips([note(at=later + timedelta(minutes=1), value=None)], [stored])) == 1
    assert [each.at for each in trips([note(at=later), note(at=NOON.astimezone(UTC))], ())] == [NOON, later]


# Words.


def readings(watch: FillWatch) -> list[tuple[BreakerName, Decimal | None, str]]:
    return [(each.name, each.figure, each.text) for each in watch.readings()]


def test_a_bad_fill_and_shares_too_many_are_told_in_words_until_they_are_acknowledged(
    state: LiveState,
) -> None:
    bus = Bus()
    watch = FillWatch(state, bus)
    nothing = readings(watch)
    watch.decided(order(), Decimal("100.00"))
    bus.publish(FillBooked(fill("101.50"), position_of([fill("100")])))
    watch.overfilled(order(cum_qty=Qty(10)))
    watch.overfilled(order(cum_qty=Qty(13)))
    watch.overfilled(order(cum_qty=Qty(12)))
    told = readings(watch)
    watch.forget(acknowledged(BreakerName.SLIPPAGE))
    one = readings(watch)
    watch.forget(acknowledged(BreakerName.DRIFT))
    watch.forget(acknowledged(BreakerName.OVERFILL))

    slipped = "AAPL: a fill at 101.50 is 1.5 % worse than 100.00, at which it was decided."
    assert nothing == [(BreakerName.SLIPPAGE, 0, ""), (BreakerName.OVERFILL, 0, "")]
    assert told == [
        (BreakerName.SLIPPAGE, Decimal("1.5"), slipped),
        (BreakerName.OVERFILL, 3, "AAPL: more was filled (13) than ordered (10)."),
    ]
    assert one == [nothing[0], told[1]]
    assert readings(watch) == nothing


@pytest.mark.parametrize(("decided", "figure_"), [("0", 0), ("-1", 0), ("0.01", 999_900), ("100", 0)])
def test_a_fill_is_held_against_a_price_above_zero_and_as_good_as_it_is_no_slip(
    state: LiveState, decided: str, figure_: int
) -> None:
    watch = FillWatch(state, Bus())

    watch.recover([fill("100"), fill("100", cl_ord_id=ClOrdId("IQ-2"))], {ONE: Decimal(decided)})

    assert figure(watch, BreakerName.SLIPPAGE) == figure_


def test_a_leg_is_held_against_its_own_stop_and_a_noted_price_counts_before_it(state: LiveState) -> None:
    bus = Bus()
    watch = FillWatch(state, bus)
    state.orders.put(order(terms(SELL, 10, stop="100")))
    position = position_of([fill("100")])

    bus.publish(FillBooked(fill("98", SELL), position))
    of_the_stop = figure(watch, BreakerName.SLIPPAGE)
    watch.restore({ONE: Decimal(200)})
    bus.publish(FillBooked(fill("98", SELL), position))

    assert (of_the_stop, figure(watch, BreakerName.SLIPPAGE)) == (2, 51)


def test_an_order_that_still_works_keeps_its_price(state: LiveState) -> None:
    bus = Bus()
    watch = FillWatch(state, bus)
    watch.decided(order(), Decimal(100))

    bus.publish(OrderChanged(order(cum_qty=Qty(4))))
    bus.publish(FillBooked(fill("103"), position_of([fill("100")])))

    assert figure(watch, BreakerName.SLIPPAGE) == 3
