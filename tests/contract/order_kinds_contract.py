"""The second half of the broker contract: trailing stops, lists, auctions, extended hours, parts of a share,
amounts, short sales, busts and corrections.

Where brokers differ in what they say on the way, only what a person ends up with is held: the state of the
orders, the shares and the money.
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.execution import ExecType, ExecutionReport
from core.domain.money import Money, Price
from core.domain.terms import (
    Contingency,
    Legs,
    NewOrderList,
    OrderTerms,
    OrdStatus,
    OrdType,
    Side,
    TimeInForce,
)
from core.errors import BrokerRejected
from core.ids import ClOrdId
from tests.builders import dec, single, terms
from tests.contract.broker_harness import (
    MSFT,
    BrokerHarness,
    cancel,
    fills,
    hold,
    position,
    state,
    swap,
    working,
)

BUY, SELL = Side.BUY, Side.SELL
GTC, DAY, IOC = TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC
OPG, CLS = TimeInForce.OPG, TimeInForce.CLS
# A broker may call a stop that waits for its price suspended although its entry has filled.
AT_WORK = frozenset({OrdStatus.NEW, OrdStatus.SUSPENDED})


def trailing(
    side: Side,
    qty: int | str = 100,
    *,
    px: str | None = None,
    pct: str | None = None,
    tif: TimeInForce = DAY,
    symbol: str = "AAPL",
) -> OrderTerms:
    return replace(
        terms(side, qty, tif=tif, symbol=symbol),
        ord_type=OrdType.TRAILING_STOP,
        trail_px=None if px is None else Price(px),
        trail_pct=None if pct is None else Decimal(pct),
    )


def bracket(body: OrderTerms, takes: str, stops: str, limit: str | None = None) -> OrderTerms:
    legs = Legs(Contingency.BRACKET, Price(takes), Price(stops), None if limit is None else Price(limit))
    return replace(body, legs=legs)


def pair(side: Side, qty: int, takes: str, stops: str) -> OrderTerms:
    legs = Legs(Contingency.OCO, Price(takes), Price(stops))
    return replace(terms(side, qty, takes), legs=legs)


def orders(cl_ord_id: str, body: OrderTerms) -> NewOrderList:
    return NewOrderList(ClOrdId(cl_ord_id), body)


def amount(side: Side, dollars: str, price: str | None = None, symbol: str = MSFT) -> OrderTerms:
    return replace(terms(side, 1, price, symbol=symbol), cash_order_qty=Money(dollars))


def extended(body: OrderTerms) -> OrderTerms:
    return replace(body, extended_hours=True)


async def legs(harness: BrokerHarness, list_id: str) -> tuple[ExecutionReport, ExecutionReport]:
    """Return the leg that takes the profit and the one that stops the loss, of a bracket."""
    found = [each for each in (await working(harness)).values() if each.list_id == list_id]
    takes, stops = sorted(found, key=lambda each: each.terms.ord_type.waits)
    return takes, stops


async def report_of(harness: BrokerHarness, exec_type: ExecType) -> ExecutionReport:
    """Return the next report of a kind; the stream is read up to it."""
    while True:
        report = await harness.next_report()
        if report.exec_type is exec_type:
            return report


async def fill_of(harness: BrokerHarness, cl_ord_id: str) -> ExecutionReport:
    reports = await harness.broker.activities(harness.now().replace(hour=0))
    return next(r for r in reports if r.cl_ord_id == cl_ord_id and r.fill is not None)


class OrderKindsContract:
    """The cases; `BC-nn` in a name is its number."""

    async def test_bc_41_trailing_sale_follows_the_best_trade_and_sells_when_it_falls_by_its_distance(
        self, harness: BrokerHarness
    ) -> None:
        await hold(harness, 100)
        await harness.trade("100.00")
        await harness.broker.submit(single("IQ-1", trailing(SELL, px="1.00")))
        await harness.quote("101.90", "101.92")
        await harness.trade("102.00")
        await harness.trade("101.01")
        waiting = await state(harness, "IQ-1")

        await harness.trade("101.00")

        assert waiting == (OrdStatus.NEW, 0)
        assert await fills(harness, "IQ-1") == [(100, dec("101.90"))]

    async def test_bc_42_trailing_purchase_in_percent_follows_down_and_buys_on_the_way_up(
        self, harness: BrokerHarness
    ) -> None:
        await harness.trade("100.00")
        await harness.broker.submit(single("IQ-1", trailing(BUY, pct="5")))
        await harness.trade("80.00")
        await harness.trade("83.99")
        waiting = await state(harness, "IQ-1")

        await harness.trade("84.00")

        assert waiting == (OrdStatus.NEW, 0)
        assert await state(harness, "IQ-1") == (OrdStatus.FILLED, 100)

    async def test_bc_43_trailing_stop_until_canceled_keeps_its_best_trade_over_night(
        self, harness: BrokerHarness
    ) -> None:
        await hold(harness, 100)
        await harness.broker.submit(single("IQ-1", trailing(SELL, px="1.00", tif=GTC)))
        await harness.trade("102.00")
        await harness.close_market()
        await harness.open_market()
        await harness.quote("101.00", "101.02")
        before = await state(harness, "IQ-1")

        await harness.trade("100.99")

        assert before == (OrdStatus.NEW, 0)
        assert await state(harness, "IQ-1") == (OrdStatus.FILLED, 100)

    @pytest.mark.parametrize(
        "body",
        [
            trailing(BUY),
            trailing(BUY, px="1.00", pct="1"),
            trailing(BUY, px="0"),
            trailing(BUY, px="1.00", tif=IOC),
        ],
        ids=["no distance", "two distances", "zero", "ioc"],
    )
    async def test_bc_44_trailing_stop_without_one_sound_distance_is_rejected(
        self, harness: BrokerHarness, body: OrderTerms
    ) -> None:
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-1", body))

    async def test_bc_45_legs_of_a_bracket_are_suspended_and_reported_under_its_id(
        self, harness: BrokerHarness
    ) -> None:
        ack = await harness.broker.submit(
            orders("IQ-1", bracket(terms(BUY, 100, "99.00"), "105.00", "95.00", "94.50"))
        )

        takes, stops = await legs(harness, "IQ-1")
        assert (ack.cl_ord_id, ack.ord_status, ack.list_id) == ("IQ-1", OrdStatus.NEW, None)
        assert {takes.ord_status, stops.ord_status} == {OrdStatus.SUSPENDED}
        assert (takes.terms.side, takes.terms.ord_type, takes.terms.price) == (
            SELL,
            OrdType.LIMIT,
            dec("105"),
        )
        assert (stops.terms.ord_type, stops.terms.stop_px, stops.terms.price) == (
            OrdType.STOP_LIMIT,
            dec("95"),
            dec("94.5"),
        )
        assert takes.terms.order_qty == stops.terms.order_qty == 100
        assert await report_of(harness, ExecType.SUSPENDED)

    async def test_bc_46_legs_wait_until_the_entry_has_filled_completely(
        self, harness: BrokerHarness
    ) -> None:
        await harness.quote("99.98", "100.00", ask_size=60)
        await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100, "100.00"), "105.00", "95.00")))

        await harness.quote("106.00", "106.02")
        waiting = await legs(harness, "IQ-1")
        held = await position(harness)
        await harness.quote("99.98", "100.00")

        at_work = await legs(harness, "IQ-1")
        assert held == 60
        assert {leg.ord_status for leg in waiting} == {OrdStatus.SUSPENDED}
        assert at_work[0].ord_status is OrdStatus.NEW
        assert at_work[1].ord_status in AT_WORK

    async def test_bc_47_take_profit_that_fills_cancels_the_stop(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100), "105.00", "95.00")))
        takes, stops = await legs(harness, "IQ-1")

        await harness.quote("105.00", "105.02")

        assert await fills(harness, takes.cl_ord_id) == [(100, dec("105.00"))]
        assert await state(harness, stops.cl_ord_id) == (OrdStatus.CANCELED, 0)
        assert await position(harness) == 0

    async def test_bc_48_stop_loss_that_fills_cancels_the_take_profit(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100), "105.00", "95.00")))
        takes, stops = await legs(harness, "IQ-1")
        await harness.quote("94.90", "94.92")

        await harness.trade("95.00")

        assert await fills(harness, stops.cl_ord_id) == [(100, dec("94.90"))]
        assert await state(harness, takes.cl_ord_id) == (OrdStatus.CANCELED, 0)
        assert await position(harness) == 0

    async def test_bc_49_cancel_of_an_entry_that_did_not_fill_cancels_its_legs(
        self, harness: BrokerHarness
    ) -> None:
        await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100, "99.00"), "105.00", "95.00")))
        takes, stops = await legs(harness, "IQ-1")

        await harness.broker.cancel(cancel("IQ-1"))

        assert await working(harness) == {}
        assert await state(harness, takes.cl_ord_id) == (OrdStatus.CANCELED, 0)
        assert await state(harness, stops.cl_ord_id) == (OrdStatus.CANCELED, 0)

    async def test_bc_50_leg_that_ends_leaves_the_filled_entry_as_it_is(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100), "105.00", "95.00")))

        await harness.quote("105.00", "105.02")

        assert await fills(harness, "IQ-1") == [(100, dec("100.02"))]
        assert await state(harness, "IQ-1") == (OrdStatus.FILLED, 100)

    async def test_bc_51_cancel_of_one_leg_cancels_the_other(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100), "105.00", "95.00")))
        takes, stops = await legs(harness, "IQ-1")

        await harness.broker.cancel(cancel(takes.cl_ord_id, takes.order_id))

        assert await state(harness, stops.cl_ord_id) == (OrdStatus.CANCELED, 0)
        assert await working(harness) == {}
        assert await position(harness) == 100

    async def test_bc_52_legs_never_sell_more_than_the_entry_bought(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100), "105.00", "95.00")))
        takes, stops = await legs(harness, "IQ-1")
        await harness.quote("105.00", "105.02", bid_size=70)
        await harness.quote("94.90", "94.92")

        await harness.trade("95.00")

        assert await fills(harness, takes.cl_ord_id) == [(70, dec("105.00"))]
        assert await fills(harness, stops.cl_ord_id) == [(30, dec("94.90"))]
        assert await position(harness) == 0
        assert await working(harness) == {}

    @pytest.mark.parametrize(
        "body",
        [
            bracket(terms(BUY, 100, "99.00"), "95.00", "105.00"),
            bracket(terms(BUY, 100, "99.00"), "105.00", "99.00"),
            bracket(terms(SELL, 100, "101.00"), "105.00", "95.00"),
            bracket(terms(BUY, 100, "99.00", tif=IOC), "105.00", "95.00"),
            bracket(extended(terms(BUY, 100, "99.00")), "105.00", "95.00"),
            bracket(terms(BUY, "1.5", "99.00", symbol=MSFT), "105.00", "95.00"),
        ],
        ids=["turned", "no gap", "wrong side", "ioc", "extended hours", "part of a share"],
    )
    async def test_bc_53_bracket_whose_parts_do_not_go_together_is_rejected_whole(
        self, harness: BrokerHarness, body: OrderTerms
    ) -> None:
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(orders("IQ-1", body))

        assert await working(harness) == {}

    async def test_bc_54_leg_is_replaced_by_its_own_id(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100), "105.00", "95.00")))
        takes, stops = await legs(harness, "IQ-1")

        new = replace(takes.terms, price=Price("103.00"))
        await harness.broker.replace(swap("IQ-2", takes.cl_ord_id, new))
        await harness.quote("103.00", "103.02")

        assert await state(harness, takes.cl_ord_id) == (OrdStatus.REPLACED, 0)
        assert await fills(harness, "IQ-2") == [(100, dec("103.00"))]
        assert await state(harness, stops.cl_ord_id) == (OrdStatus.CANCELED, 0)

    async def test_bc_55_orders_of_a_pair_work_at_once_for_the_same_shares(
        self, harness: BrokerHarness
    ) -> None:
        await hold(harness, 100)

        await harness.broker.submit(orders("IQ-1", pair(SELL, 100, "105.00", "95.00")))

        found = await working(harness)
        stop = next(each for each in found.values() if each.list_id == "IQ-1")
        assert len(found) == 2
        assert found[ClOrdId("IQ-1")].list_id is None
        assert (stop.terms.side, stop.terms.stop_px) == (SELL, dec("95"))
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-2", terms(SELL, 1, "110.00")))

    async def test_bc_56_stop_of_a_pair_that_fills_cancels_its_take_profit(
        self, harness: BrokerHarness
    ) -> None:
        await hold(harness, 100)
        await harness.broker.submit(orders("IQ-1", pair(SELL, 100, "105.00", "95.00")))
        await harness.quote("94.90", "94.92")

        await harness.trade("94.99")

        assert await state(harness, "IQ-1") == (OrdStatus.CANCELED, 0)
        assert await position(harness) == 0
        assert await working(harness) == {}

    async def test_bc_57_take_profit_of_a_pair_that_fills_or_is_canceled_ends_its_stop(
        self, harness: BrokerHarness
    ) -> None:
        await hold(harness, 100)
        await harness.broker.submit(orders("IQ-1", pair(SELL, 50, "105.00", "95.00")))
        await harness.broker.submit(orders("IQ-2", pair(SELL, 50, "108.00", "95.00")))
        await harness.quote("105.00", "105.02")

        await harness.broker.cancel(cancel("IQ-2"))

        assert await state(harness, "IQ-1") == (OrdStatus.FILLED, 50)
        assert await working(harness) == {}
        assert await position(harness) == 50

    async def test_bc_58_pair_for_more_than_is_held_is_rejected(self, harness: BrokerHarness) -> None:
        await hold(harness, 100)

        with pytest.raises(BrokerRejected):
            await harness.broker.submit(orders("IQ-1", pair(SELL, 101, "105.00", "95.00")))

        assert await working(harness) == {}

    async def test_bc_59_order_for_the_opening_trades_at_its_price_and_is_refused_in_the_day(
        self, harness: BrokerHarness
    ) -> None:
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-1", terms(BUY, 100, "103.00", tif=OPG)))
        await harness.close_market()
        await harness.turn_to(19, 5)

        await harness.broker.submit(single("IQ-2", terms(BUY, 100, "103.00", tif=OPG)))
        waiting = await state(harness, "IQ-2")
        await harness.open_market("101.50")

        assert waiting == (OrdStatus.NEW, 0)
        assert await fills(harness, "IQ-2") == [(100, dec("101.50"))]

    async def test_bc_60_order_for_the_opening_that_it_does_not_reach_is_canceled(
        self, harness: BrokerHarness
    ) -> None:
        await harness.close_market()
        await harness.turn_to(19, 5)
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00", tif=OPG)))

        await harness.open_market("101.50")

        assert await state(harness, "IQ-1") == (OrdStatus.CANCELED, 0)

    async def test_bc_61_order_for_the_close_trades_at_its_price_only(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "105.00", tif=CLS)))
        await harness.broker.submit(single("IQ-2", terms(BUY, 100, "99.00", tif=CLS)))
        waiting = await state(harness, "IQ-1")

        await harness.close_market("101.25")

        assert waiting == (OrdStatus.NEW, 0)
        assert await fills(harness, "IQ-1") == [(100, dec("101.25"))]
        assert await state(harness, "IQ-2") == (OrdStatus.CANCELED, 0)

    async def test_bc_62_order_for_the_close_is_refused_from_ten_minutes_before(
        self, harness: BrokerHarness
    ) -> None:
        await harness.turn_to(15, 50)

        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-1", terms(BUY, 100, tif=CLS)))

    async def test_bc_63_only_orders_with_the_flag_trade_after_hours(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(single("IQ-1", extended(terms(BUY, 100, "99.00"))))
        await harness.broker.submit(single("IQ-2", terms(BUY, 100, "99.00", tif=GTC)))
        await harness.close_market()
        await harness.turn_to(16, 30)

        await harness.quote("98.90", "99.00")

        assert await fills(harness, "IQ-1") == [(100, dec("99.00"))]
        assert await state(harness, "IQ-2") == (OrdStatus.NEW, 0)

    @pytest.mark.parametrize(
        "body", [terms(BUY, 1), terms(BUY, 1, "99.00", tif=IOC)], ids=["market order", "ioc"]
    )
    async def test_bc_64_flag_on_what_cannot_work_after_hours_is_rejected(
        self, harness: BrokerHarness, body: OrderTerms
    ) -> None:
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-1", extended(body)))

    async def test_bc_65_day_order_for_extended_hours_ends_with_the_evening(
        self, harness: BrokerHarness
    ) -> None:
        await harness.broker.submit(single("IQ-1", extended(terms(BUY, 100, "99.00"))))
        await harness.close_market()
        at_the_close = await state(harness, "IQ-1")

        await harness.turn_to(20, 1)

        assert at_the_close == (OrdStatus.NEW, 0)
        assert await state(harness, "IQ-1") == (OrdStatus.EXPIRED, 0)

    async def test_bc_66_part_of_a_share_is_bought_and_sold(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, "1.000000005", symbol=MSFT)))
        held = await position(harness, MSFT)

        await harness.broker.submit(single("IQ-2", terms(SELL, "0.5", "100.00", symbol=MSFT)))

        assert held == dec("1.000000005")
        assert await position(harness, MSFT) == dec("0.500000005")

    async def test_bc_67_amount_buys_the_parts_of_a_share_that_it_pays_for(
        self, harness: BrokerHarness
    ) -> None:
        await harness.quote("69.98", "70.00", symbol=MSFT)

        await harness.broker.submit(single("IQ-1", amount(BUY, "500.00")))

        assert await state(harness, "IQ-1") == (OrdStatus.FILLED, dec("7.142857142"))
        assert await position(harness, MSFT) == dec("7.142857142")
        assert (await harness.broker.account()).cash == 100_000 - 70 * dec("7.142857142")

    async def test_bc_68_amount_is_raised_by_selling_what_it_takes(self, harness: BrokerHarness) -> None:
        await harness.quote("80.00", "80.02", symbol=MSFT)
        await harness.broker.submit(single("IQ-1", terms(BUY, 10, symbol=MSFT)))

        await harness.broker.submit(single("IQ-2", amount(SELL, "100.00")))

        assert await state(harness, "IQ-2") == (OrdStatus.FILLED, dec("1.25"))
        assert await position(harness, MSFT) == dec("8.75")

    @pytest.mark.parametrize(
        "body",
        [
            amount(BUY, "0.99"),
            amount(BUY, "10.005"),
            amount(BUY, "100000.01"),
            amount(SELL, "100.00"),
            amount(BUY, "100.00", symbol="AAPL"),
            replace(amount(BUY, "100.00"), time_in_force=GTC),
            terms(BUY, "0.5", "99.00", symbol=MSFT, tif=GTC),
            trailing(BUY, "0.5", px="1.00", symbol=MSFT),
        ],
        ids=[
            "too little",
            "mills",
            "too much",
            "not held",
            "whole shares",
            "gtc",
            "part gtc",
            "part trailing",
        ],
    )
    async def test_bc_69_amount_or_part_that_cannot_be_is_rejected(
        self, harness: BrokerHarness, body: OrderTerms
    ) -> None:
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-1", body))

    @pytest.mark.parametrize(
        ("body", "new"),
        [
            (
                terms(BUY, "0.5", "99.00", symbol=MSFT),
                terms(BUY, "0.6", "99.00", symbol=MSFT),
            ),
            (amount(BUY, "100.00", "99.00"), amount(BUY, "100.00", "98.00")),
        ],
        ids=["part", "amount"],
    )
    async def test_bc_70_part_and_amount_cannot_be_replaced(
        self, harness: BrokerHarness, body: OrderTerms, new: OrderTerms
    ) -> None:
        await harness.broker.submit(single("IQ-1", body))

        with pytest.raises(BrokerRejected):
            await harness.broker.replace(swap("IQ-2", "IQ-1", new))

        assert await state(harness, "IQ-1") == (OrdStatus.NEW, 0)

    async def test_bc_71_short_sale_owes_shares_and_a_purchase_gives_them_back(
        self, harness: BrokerHarness
    ) -> None:
        before = (await harness.broker.account()).may_short
        await harness.permit_short()

        await harness.broker.submit(single("IQ-1", terms(SELL, 100, symbol=MSFT)))
        owed = await position(harness, MSFT)
        await harness.broker.submit(single("IQ-2", terms(BUY, 100, symbol=MSFT)))

        assert not before
        assert (await harness.broker.account()).may_short
        assert owed == -100
        assert await position(harness, MSFT) == 0
        assert (await harness.broker.account()).cash == 100_000 - 100 * dec("0.02")

    async def test_bc_72_short_sale_binds_buying_power_and_none_is_taken_beyond_it(
        self, harness: BrokerHarness
    ) -> None:
        await harness.permit_short()
        before = (await harness.broker.account()).buying_power
        await harness.broker.submit(single("IQ-1", terms(SELL, 500, "110.00", symbol=MSFT)))

        assert before - (await harness.broker.account()).buying_power >= 500 * dec("110.00")
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-2", terms(SELL, 100_000, "110.00", symbol=MSFT)))

    async def test_bc_73_short_sale_without_leave_or_without_shares_to_borrow_is_rejected(
        self, harness: BrokerHarness
    ) -> None:
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-1", terms(SELL, 100, "110.00", symbol=MSFT)))
        await harness.permit_short()

        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-2", terms(SELL, 100, "110.00")))

        assert await working(harness) == {}

    async def test_bc_74_bust_takes_shares_and_money_back(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
        fill = await fill_of(harness, "IQ-1")

        await harness.bust(fill.exec_id)

        report = await report_of(harness, ExecType.TRADE_CANCEL)
        assert report.exec_ref_id == fill.exec_id
        assert report.exec_id != fill.exec_id
        assert (report.cl_ord_id, report.cum_qty) == ("IQ-1", 0)
        assert await working(harness) == {}
        assert await position(harness) == 0
        assert (await harness.broker.account()).cash == 100_000

    async def test_bc_75_correction_changes_the_price_that_was_paid(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
        fill = await fill_of(harness, "IQ-1")

        await harness.correct(fill.exec_id, "99.50")

        report = await report_of(harness, ExecType.TRADE_CORRECT)
        assert report.exec_ref_id == fill.exec_id
        assert (report.last_qty, report.last_px) == (100, dec("99.50"))
        assert (report.ord_status, report.cum_qty, report.avg_px) == (OrdStatus.FILLED, 100, dec("99.50"))
        assert (await harness.broker.account()).cash == 100_000 - 100 * dec("99.50")
