"""What working orders may still do and cost, which of them protect, and which only lessen a position."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.adapters.simulator.faults import Call
from core.bus import Bus
from core.domain.execution import Fill
from core.domain.messages import CancelOrder, FillBooked, Notice, Severity
from core.domain.money import Money, Price, Qty
from core.domain.order import Order, Pending, Resting
from core.domain.terms import Contingency, Legs, OrderTerms, OrdStatus, OrdType, Side, TimeInForce
from core.errors import BrokerUnavailable
from core.failpoints import disarm_all
from core.ids import ClOrdId, ExecId
from core.orders.protection import Protection, may_cover, stop_cover
from core.orders.reducing import is_proven_exit
from core.state.orders import OrderBook
from tests import builders
from tests.builders import AAPL
from tests.fakes.market import MSFT
from tests.fakes.rig import Rig, draft

BUY, SELL = Side.BUY, Side.SELL
FEES = Decimal("1.0005")


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    disarm_all()
    await made.stop()


def order(name: str, terms: OrderTerms, **more) -> Order:
    facts = {"acked": True, **more}
    return Order(ClOrdId(name), terms, builders.NOON, builders.NOON, **facts)


def bracket(qty: int = 10, **more) -> tuple[Order, Order, Order]:
    legs = Legs(Contingency.BRACKET, Price("110.00"), Price("95.00"))
    entry = order("IQ-1", replace(builders.terms(qty=qty, price="100.00"), legs=legs), **more)
    profit = order("leg-1", builders.terms(SELL, qty, "110.00"), list_id=entry.cl_ord_id, suspended=True)
    stop = order("leg-2", builders.terms(SELL, qty, stop="95.00"), list_id=entry.cl_ord_id, suspended=True)
    return entry, profit, stop


def book(*orders: Order) -> OrderBook:
    made = OrderBook()
    for each in orders:
        made.put(each)
    return made


def test_legs_that_wait_for_their_entry_take_nothing_of_what_is_held() -> None:
    working = book(*bracket()).working(AAPL)

    assert (working.buy_qty, working.sell_qty) == (10, 0)


def test_legs_of_one_list_count_once_when_the_entry_has_filled() -> None:
    entry, profit, stop = bracket(cum_qty=Qty(10))
    for state in (True, False):  # their own reports may come later than the fill of the entry
        legs = [replace(each, suspended=state) for each in (profit, stop)]
        assert book(entry, *legs).working(AAPL).sell_qty == 10


def test_legs_count_where_their_entry_is_not_known() -> None:
    _, profit, stop = bracket()

    assert book(profit, stop).working(AAPL).sell_qty == 10


def test_a_pair_counts_once_with_its_own_stop() -> None:
    legs = Legs(Contingency.OCO, Price("110.00"), Price("95.00"))
    profit = order("IQ-1", replace(builders.terms(SELL, 10, "110.00"), legs=legs))
    stop = order("leg-1", builders.terms(SELL, 10, stop="95.00"), list_id=profit.cl_ord_id, cum_qty=Qty(4))
    other = order("IQ-2", builders.terms(SELL, 3, "111.00"))

    assert book(profit, stop, other).working(AAPL).sell_qty == 13
    assert book(stop, profit).working(AAPL).sell_qty == 10


def test_an_order_is_left_out_with_what_hangs_on_it() -> None:
    entry, profit, stop = bracket(cum_qty=Qty(10))

    assert book(entry, profit, stop).working(AAPL, entry.cl_ord_id).sell_qty == 0
    assert book(profit).working(AAPL, profit.cl_ord_id, None).sell_qty == 0


def test_an_order_and_its_legs_are_one_working_order() -> None:
    made = book(*bracket(), order("IQ-2", builders.terms(SELL, 3, "111.00", symbol=MSFT)))
    made.reserve(builders.terms(BUY, 1, "90.00"))

    assert {symbol: working.count for symbol, working in made.by_symbol().items()} == {AAPL: 2, MSFT: 1}
    assert made.working(MSFT, ClOrdId("IQ-2")).count == 0


def test_the_order_that_is_met_first_is_the_one_at_the_best_price() -> None:
    entry, profit, stop = bracket()
    made = book(
        replace(entry, external=True),
        profit,
        stop,
        order("IQ-2", builders.terms(BUY, 7, "99.00")),
        order("IQ-3", builders.terms(SELL, 3, "111.00")),
        order("IQ-4", builders.terms(SELL, 3, "112.00")),
        order("IQ-5", builders.terms(SELL, 3, "1.00", symbol=MSFT)),
    )

    assert made.working(AAPL).first(BUY) == Resting(
        entry.cl_ord_id, Decimal(10), Price("100.00"), external=True
    )
    assert made.working(AAPL).first(SELL) == Resting(ClOrdId("IQ-3"), Decimal(3), Price("111.00"))
    assert made.working(AAPL, ClOrdId("IQ-3")).first(SELL).cl_ord_id == "IQ-4"
    made.reserve(builders.terms(SELL, 2, "110.50"))
    made.reserve(builders.terms(BUY, 2, "110.50", symbol=MSFT))
    assert made.working(AAPL).first(SELL) == Resting(None, Decimal(2), Price("110.50"))
    made.reserve(builders.terms(SELL, 4))
    assert made.working(AAPL).first(SELL).price is None
    assert book().working(AAPL).first(SELL) is None


def test_a_suspended_order_of_no_list_counts() -> None:
    assert (
        book(order("IQ-1", builders.terms(SELL, 10, "110.00"), suspended=True)).working(AAPL).sell_qty == 10
    )


async def reserved(rig: Rig, *orders: Order) -> Decimal | None:
    for each in orders:
        rig.core.state.orders.put(each)
    figures = rig.core.throttle.figures(rig.limits)
    return rig.core.gatherer.facts(builders.terms(), figures).reserved_cash


async def test_a_cash_order_reserves_the_cash_that_is_left_of_it(rig: Rig) -> None:
    terms = replace(builders.terms(qty=5), cash_order_qty=Money(500))

    part = await reserved(rig, order("IQ-1", terms, cum_qty=Qty(2), avg_px=Price("100.00")))

    assert part == 300 * FEES


@pytest.mark.parametrize(
    ("trail", "price"),
    [({"trail_px": Price("2.00")}, "102.02"), ({"trail_pct": Decimal(5)}, "105.021")],
)
async def test_a_trailing_purchase_reserves_the_touch_and_its_trail(
    rig: Rig, trail: dict, price: str
) -> None:
    terms = OrderTerms(AAPL, BUY, OrdType.TRAILING_STOP, TimeInForce.DAY, Qty(10), **trail)

    assert await reserved(rig, order("IQ-1", terms)) == 10 * Decimal(price) * FEES


async def test_a_short_sale_reserves_what_a_broker_holds_back(rig: Rig) -> None:
    await rig.submit(draft(qty=4))

    covered = await reserved(rig, order("IQ-1", builders.terms(SELL, 4, "99.00")))
    short = await reserved(rig, order("IQ-2", builders.terms(SELL, 6, "99.00")))
    dear = await reserved(rig, order("IQ-3", builders.terms(SELL, 1, "200.00")))

    assert covered == 0
    assert short == 6 * Decimal("100.02") * Decimal("1.03") * FEES
    assert dear == 7 * 200 * FEES


async def test_a_short_sale_without_an_offer_has_no_known_cost(rig: Rig) -> None:
    rig.core.state.quotes._quotes.pop(MSFT)

    unknown = await reserved(rig, order("IQ-1", builders.terms(SELL, 6, "99.00", symbol=MSFT)))

    assert unknown is None


async def test_the_broker_says_whether_shares_may_be_sold_short(rig: Rig) -> None:
    account = rig.core.state.account
    figures = rig.core.throttle.figures(rig.limits)
    account.confirm(replace(account.account, may_short=True), account.epoch)

    assert rig.core.gatherer.facts(builders.terms(), figures).may_short


# Cover.


async def hold(rig: Rig, qty: int, *orders: Order) -> None:
    await rig.submit(draft(qty=qty))
    for each in orders:
        rig.core.state.orders.put(each)


async def test_stops_and_trailing_stops_cover_and_legs_count_once(rig: Rig) -> None:
    trailing = OrderTerms(AAPL, SELL, OrdType.TRAILING_STOP, TimeInForce.DAY, Qty(3), trail_px=Price("1"))
    legs = Legs(Contingency.OCO, Price("110.00"), Price("95.00"))
    pair = order("IQ-2", replace(builders.terms(SELL, 4, "110.00"), legs=legs))
    stop = order("leg-1", builders.terms(SELL, 4, stop="95.00"), list_id=pair.cl_ord_id)
    await hold(
        rig, 20, order("IQ-1", trailing), pair, stop,
        order("IQ-3", builders.terms(SELL, 2, stop="90.00"), acked=False),
        order("IQ-4", builders.terms(SELL, 2, "120.00")),
        order("IQ-5", builders.terms(BUY, 2, stop="120.00")),
    )  # fmt: skip

    assert stop_cover(rig.core.state, AAPL) == 7


async def test_no_more_is_covered_than_is_held(rig: Rig) -> None:
    await hold(rig, 5, order("IQ-1", builders.terms(SELL, 9, stop="90.00")))

    assert stop_cover(rig.core.state, AAPL) == 5


async def test_a_leg_whose_entry_works_covers_nothing(rig: Rig) -> None:
    await hold(rig, 5, *bracket(5))

    assert stop_cover(rig.core.state, AAPL) == 0


def test_a_limit_covers_nothing() -> None:
    assert not may_cover(order("IQ-1", builders.terms(SELL, 9, "90.00")))
    assert not may_cover(bracket()[0])


def words(rig: Rig) -> list[str]:
    return [e.text for e in rig.events if isinstance(e, Notice) and e.severity is Severity.FACT]


async def test_a_fill_without_a_stop_is_said_at_once(rig: Rig) -> None:
    await rig.submit(draft(qty=10))

    assert words(rig) == ["AAPL: 10 of 10 shares have no stop behind them."]


async def test_an_exit_and_a_covered_fill_are_not_spoken_of(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    await rig.submit(draft(SELL, 10, stop="95.00"))
    seen = len(words(rig))
    wide = order("IQ-X", builders.terms(SELL, 20, stop="95.00"))
    rig.core.state.orders.put(wide)
    await rig.submit(draft(qty=5))
    rig.core.state.orders.put(replace(wide, ended=OrdStatus.CANCELED))

    await rig.do(CancelOrder(next(o.cl_ord_id for o in rig.core.state.orders.open() if o.order_id)))
    await rig.submit(draft(SELL, 15))

    assert len(words(rig)) == seen


async def test_nothing_is_said_where_the_profile_wants_no_stops(rig: Rig) -> None:
    await rig.core.journal.write(lambda uow, _: uow.save_setting("want_stops", "false"))
    await rig.kill()
    await rig.start()

    await rig.submit(draft(qty=10))

    assert words(rig) == []


@pytest.mark.parametrize(("ended", "spoken"), [(None, 0), (OrdStatus.CANCELED, 1)])
async def test_an_entry_whose_legs_are_to_come_is_left_in_peace(
    rig: Rig, ended: OrdStatus | None, spoken: int
) -> None:
    entry = bracket(cum_qty=Qty(4), ended=ended)[0]
    await rig.submit(draft(qty=10))
    seen = len(words(rig))
    rig.core.state.orders.put(entry)
    fill = Fill(ExecId("T-1"), entry.cl_ord_id, AAPL, BUY, Qty(4), Price("100.00"), Money(0), builders.NOON)

    rig.core.bus.publish(FillBooked(fill, rig.core.state.positions.get(AAPL)))
    rig.core.bus.publish(FillBooked(replace(fill, side=SELL), rig.core.state.positions.get(AAPL)))

    assert len(words(rig)) - seen == spoken


def test_a_profile_that_says_nothing_wants_stops() -> None:
    state: Any = None

    assert Protection(state, Bus()).is_wanted is True


# Exits.


async def test_an_exit_is_proven_by_what_is_held_and_not_on_its_way_out(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    state = rig.core.state
    sale = order("IQ-1", builders.terms(SELL, 10, "110.00"))
    state.orders.put(sale)
    cash = order("IQ-2", replace(builders.terms(SELL, 1), cash_order_qty=Money(50)))

    assert is_proven_exit(state, sale)
    assert not is_proven_exit(state, order("IQ-3", builders.terms(SELL, 1, "110.00")))
    assert not is_proven_exit(state, order("IQ-4", builders.terms(BUY, 1, "90.00")))
    assert not is_proven_exit(state, cash)
    replacement = order("IQ-5", builders.terms(SELL, 10, "111.00"), orig_cl_ord_id=sale.cl_ord_id)
    assert is_proven_exit(state, replacement)


async def test_nothing_is_proven_while_fills_are_missing(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    sale = order("IQ-1", builders.terms(SELL, 10, "110.00"))
    rig.core.state.behind.add("IQ-forgotten")

    assert not is_proven_exit(rig.core.state, sale)


# Orders that wait for an answer.


async def test_a_cancel_without_an_answer_is_looked_after_within_seconds(rig: Rig, expected_log) -> None:
    expected_log("cancel.unknown")
    resting = await rig.submit(draft(price="99.90"))
    rig.market.faults.lose_request(Call.CANCEL)
    await rig.do(CancelOrder(resting.cl_ord_id))
    waiting = rig.order(resting.cl_ord_id).pending

    await rig.wait(10, 1)

    assert waiting is Pending.CANCEL
    assert rig.order(resting.cl_ord_id).ord_status is OrdStatus.CANCELED


async def test_it_is_asked_for_five_times_and_then_now_and_then(rig: Rig) -> None:
    resting = await rig.submit(draft(price="99.90"))
    await rig.core.oms.change(resting.cl_ord_id, lambda o: replace(o, pending=Pending.REPLACE), [])
    rig.core.state.orders.put(
        order("IQ-N", builders.terms(qty=12, price="99.80"), orig_cl_ord_id=resting.cl_ord_id)
    )
    asked: list[str] = []
    look = rig.market.broker.order

    async def watch(cl_ord_id):
        asked.append(cl_ord_id)
        return await look(cl_ord_id) if cl_ord_id == resting.cl_ord_id else None

    rig.market.broker.order = watch
    watching = rig.core.rounds._in_flight
    at: list[float] = []
    for _ in range(40):
        before = len(asked)
        rig.clock.turn(2)
        await watching.look()
        if len(asked) > before:
            at.append(rig.clock.monotonic())

    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert gaps[:4] == [2, 2, 2, 2]
    assert all(gap >= 30 for gap in gaps[4:])
    assert rig.order(resting.cl_ord_id).pending is Pending.REPLACE


async def test_an_answer_that_does_not_come_is_told_once_a_turn(rig: Rig, expected_log) -> None:
    expected_log("in_flight.unanswered")
    resting = await rig.submit(draft(price="99.90"))
    await rig.core.oms.change(resting.cl_ord_id, lambda o: replace(o, pending=Pending.REPLACE), [])

    async def fail(cl_ord_id: object) -> None:
        raise BrokerUnavailable("no")

    rig.market.broker.order = fail

    await rig.wait(10, 1)

    assert rig.order(resting.cl_ord_id).is_open
