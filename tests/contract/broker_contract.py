"""What every broker behind `core.ports.broker` does: numbered cases.

A test class inherits from `BrokerContract` and gives a `harness`: a connected broker with 100,000
dollars, nothing held, an open market, and the means to move that market by hand. The cases of what hangs
together, of auctions and of parts of a share follow in `order_kinds_contract`.
"""

from datetime import UTC, datetime

import pytest

from core.domain.execution import ExecType
from core.domain.terms import OrdStatus, Side, TimeInForce
from core.errors import BrokerRejected, BrokerUnavailable, OutcomeUnknown
from core.ids import ClOrdId
from tests.builders import dec, single, terms
from tests.contract.broker_harness import BrokerHarness, cancel, fills, hold, state, swap
from tests.contract.order_kinds_contract import OrderKindsContract

BUY, SELL = Side.BUY, Side.SELL
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class BrokerContract(OrderKindsContract):
    """The cases; `BC-nn` in a name is its number."""

    async def test_bc_01_submit_returns_the_acknowledgement(self, harness: BrokerHarness) -> None:
        ack = await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00")))

        assert (ack.cl_ord_id, ack.exec_type, ack.ord_status) == ("IQ-1", ExecType.NEW, OrdStatus.NEW)
        assert (ack.cum_qty, ack.leaves_qty, ack.avg_px) == (0, 100, None)
        assert ack.order_id
        assert ack.terms == terms(BUY, 100, "99.00")

    async def test_bc_02_acknowledgement_comes_on_the_stream_with_the_same_exec_id(
        self, harness: BrokerHarness
    ) -> None:
        ack = await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00")))

        assert (await harness.next_report()).exec_id == ack.exec_id

    async def test_bc_03_market_purchase_pays_the_offer(self, harness: BrokerHarness) -> None:
        await harness.quote("100.00", "100.02")

        await harness.broker.submit(single("IQ-1", terms(BUY, 100)))

        assert await fills(harness, "IQ-1") == [(100, dec("100.02"))]

    async def test_bc_04_market_sale_brings_the_bid(self, harness: BrokerHarness) -> None:
        await hold(harness, 100)

        await harness.broker.submit(single("IQ-1", terms(SELL, 100)))

        assert await fills(harness, "IQ-1") == [(100, dec("100.00"))]
        assert await harness.broker.positions() == ()

    async def test_bc_05_displayed_size_limits_a_fill_and_a_new_quote_gives_more(
        self, harness: BrokerHarness
    ) -> None:
        await harness.quote("100.00", "100.02", ask_size=60)
        await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
        before = await state(harness, "IQ-1")

        await harness.quote("100.01", "100.03", ask_size=500)

        assert before == (OrdStatus.PARTIALLY_FILLED, 60)
        assert await fills(harness, "IQ-1") == [(60, dec("100.02")), (40, dec("100.03"))]
        assert await state(harness, "IQ-1") == (OrdStatus.FILLED, 100)

    async def test_bc_06_size_that_was_taken_is_gone(self, harness: BrokerHarness) -> None:
        await harness.quote("100.00", "100.02", ask_size=100)
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.02")))

        await harness.broker.submit(single("IQ-2", terms(BUY, 100, "100.02")))

        assert await state(harness, "IQ-2") == (OrdStatus.NEW, 0)

    async def test_bc_07_limit_away_from_the_quote_rests(self, harness: BrokerHarness) -> None:
        await harness.quote("100.00", "100.02")

        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.01")))

        assert await state(harness, "IQ-1") == (OrdStatus.NEW, 0)
        assert [report.cl_ord_id for report in await harness.broker.open_orders()] == ["IQ-1"]

    async def test_bc_08_resting_limit_fills_when_the_quote_reaches_it(self, harness: BrokerHarness) -> None:
        await harness.quote("100.00", "100.02")
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.00")))

        await harness.quote("99.98", "100.00")

        assert await fills(harness, "IQ-1") == [(100, dec("100.00"))]

    async def test_bc_11_marketable_limit_trades_at_the_quote(self, harness: BrokerHarness) -> None:
        await harness.quote("100.00", "100.02")

        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.50")))

        assert await fills(harness, "IQ-1") == [(100, dec("100.02"))]

    async def test_bc_14_stop_waits_for_a_trade_and_then_takes_the_quote(
        self, harness: BrokerHarness
    ) -> None:
        await hold(harness, 100)
        await harness.broker.submit(single("IQ-1", terms(SELL, 100, stop="99.50")))
        await harness.quote("99.40", "99.60")
        untouched = await state(harness, "IQ-1")

        await harness.trade("99.50")

        assert untouched == (OrdStatus.NEW, 0)
        assert await fills(harness, "IQ-1") == [(100, dec("99.40"))]

    async def test_bc_15_stop_limit_becomes_a_limit(self, harness: BrokerHarness) -> None:
        await harness.quote("100.00", "100.02")
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.60", stop="100.50")))
        await harness.quote("100.68", "100.70")

        await harness.trade("100.55")
        waiting = await state(harness, "IQ-1")
        await harness.quote("100.58", "100.60")

        assert waiting == (OrdStatus.NEW, 0)
        assert await fills(harness, "IQ-1") == [(100, dec("100.60"))]

    async def test_bc_16_ioc_fills_what_it_can_and_cancels_the_rest(self, harness: BrokerHarness) -> None:
        await harness.quote("100.00", "100.02", ask_size=60)

        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.02", tif=TimeInForce.IOC)))

        assert await state(harness, "IQ-1") == (OrdStatus.CANCELED, 60)

    async def test_bc_17_fok_without_enough_is_canceled_whole(self, harness: BrokerHarness) -> None:
        await harness.quote("100.00", "100.02", ask_size=60)

        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.02", tif=TimeInForce.FOK)))

        assert await state(harness, "IQ-1") == (OrdStatus.CANCELED, 0)

    async def test_bc_18_fok_with_enough_fills_whole(self, harness: BrokerHarness) -> None:
        await harness.quote("100.00", "100.02", ask_size=100)

        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.02", tif=TimeInForce.FOK)))

        assert await state(harness, "IQ-1") == (OrdStatus.FILLED, 100)

    async def test_bc_19_day_order_expires_at_the_close(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00")))

        await harness.close_market()

        assert await state(harness, "IQ-1") == (OrdStatus.EXPIRED, 0)

    async def test_bc_20_gtc_order_works_on_the_next_day(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00", tif=TimeInForce.GTC)))
        await harness.close_market()
        await harness.open_market()

        await harness.quote("98.90", "98.95")

        assert await state(harness, "IQ-1") == (OrdStatus.FILLED, 100)

    async def test_bc_21_day_limit_in_a_closed_market_waits_for_the_open(
        self, harness: BrokerHarness
    ) -> None:
        await harness.close_market()

        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "200.00")))
        waiting = await state(harness, "IQ-1")
        await harness.open_market()
        await harness.quote("100.00", "100.02")

        assert waiting == (OrdStatus.NEW, 0)
        assert await state(harness, "IQ-1") == (OrdStatus.FILLED, 100)

    async def test_bc_25_unknown_symbol_is_rejected(self, harness: BrokerHarness) -> None:
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-1", terms(BUY, 1, "1.00", symbol="ZZZZ")))

    async def test_bc_26_price_between_ticks_is_rejected(self, harness: BrokerHarness) -> None:
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-1", terms(BUY, 1, "99.005")))

    @pytest.mark.parametrize("qty", ["0", "-1", "1.5"])
    async def test_bc_27_bad_quantity_is_rejected(self, harness: BrokerHarness, qty: str) -> None:
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-1", terms(BUY, qty, "99.00")))

    async def test_bc_28_purchase_beyond_buying_power_is_rejected(self, harness: BrokerHarness) -> None:
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-1", terms(BUY, 1001, "100.00")))

    async def test_bc_29_working_purchases_hold_buying_power_until_they_end(
        self, harness: BrokerHarness
    ) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 600, "99.00")))
        held = (await harness.broker.account()).buying_power
        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-2", terms(BUY, 600, "99.00")))

        await harness.broker.cancel(cancel("IQ-1"))

        assert held == dec("40600.00")
        assert (await harness.broker.account()).buying_power == 100_000

    async def test_bc_30_sale_of_more_than_is_held_and_free_is_rejected(self, harness: BrokerHarness) -> None:
        await hold(harness, 100)
        await harness.broker.submit(single("IQ-1", terms(SELL, 60, "120.00")))

        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-2", terms(SELL, 41, "120.00")))

        assert (await harness.broker.submit(single("IQ-3", terms(SELL, 40, "120.00")))).order_id

    async def test_bc_31_rejected_order_changes_nothing(self, harness: BrokerHarness) -> None:
        before = await harness.broker.account()

        with pytest.raises(BrokerRejected):
            await harness.broker.submit(single("IQ-1", terms(SELL, 1, "99.00")))

        assert await harness.broker.account() == before
        assert await harness.broker.open_orders() == ()
        known = await harness.broker.order(ClOrdId("IQ-1"))
        assert known is None or not known.proves_acceptance

    async def test_bc_32_second_order_under_an_id_is_unknown_and_makes_no_order(
        self, harness: BrokerHarness
    ) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00")))

        with pytest.raises(OutcomeUnknown):
            await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00")))

        assert len(await harness.broker.open_orders()) == 1

    async def test_bc_33_cancel_ends_what_still_works(self, harness: BrokerHarness) -> None:
        await harness.quote("100.00", "100.02", ask_size=60)
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.02")))

        await harness.broker.cancel(cancel("IQ-1"))
        await harness.quote("100.00", "100.02")

        assert await state(harness, "IQ-1") == (OrdStatus.CANCELED, 60)

    @pytest.mark.parametrize("cl_ord_id", ["IQ-hold", "IQ-never-seen"])
    async def test_bc_34_cancel_of_nothing_is_rejected(self, harness: BrokerHarness, cl_ord_id: str) -> None:
        await hold(harness, 100)

        with pytest.raises(BrokerRejected):
            await harness.broker.cancel(cancel(cl_ord_id))

    async def test_bc_35_replace_ends_the_old_order_and_carries_its_fills(
        self, harness: BrokerHarness
    ) -> None:
        await harness.quote("100.00", "100.02", ask_size=60)
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.02")))

        await harness.broker.replace(swap("IQ-2", "IQ-1", terms(BUY, 200, "99.00")))

        assert await state(harness, "IQ-1") == (OrdStatus.REPLACED, 60)
        assert await state(harness, "IQ-2") == (OrdStatus.PARTIALLY_FILLED, 60)
        new = (await harness.broker.open_orders())[0]
        assert (new.orig_cl_ord_id, new.leaves_qty, new.avg_px) == ("IQ-1", 140, dec("100.02"))

    async def test_bc_37_refused_replace_leaves_the_old_order_working(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00")))

        with pytest.raises(BrokerRejected):
            await harness.broker.replace(swap("IQ-2", "IQ-1", terms(BUY, 5000, "99.00")))

        assert await state(harness, "IQ-1") == (OrdStatus.NEW, 0)
        assert len(await harness.broker.open_orders()) == 1

    async def test_bc_38_lost_answer_is_unknown_and_the_order_is_found(self, harness: BrokerHarness) -> None:
        await harness.lose_request()
        with pytest.raises(OutcomeUnknown):
            await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00")))
        await harness.lose_answer()
        with pytest.raises(OutcomeUnknown):
            await harness.broker.submit(single("IQ-2", terms(BUY, 100, "99.00")))

        assert await harness.broker.order(ClOrdId("IQ-1")) is None
        assert await state(harness, "IQ-2") == (OrdStatus.NEW, 0)

    async def test_bc_39_lost_stream_raises_and_activities_have_what_it_missed(
        self, harness: BrokerHarness
    ) -> None:
        await harness.disconnect()

        await harness.broker.submit(single("IQ-1", terms(BUY, 100)))

        with pytest.raises(BrokerUnavailable):
            await harness.next_report()
        assert await fills(harness, "IQ-1") == [(100, dec("100.02"))]

    async def test_bc_40_external_order_is_listed_and_canceled_by_its_order_id(
        self, harness: BrokerHarness
    ) -> None:
        order_id = await harness.external(terms(BUY, 100, "99.00"))
        listed = await harness.broker.open_orders()

        await harness.broker.cancel(cancel("", order_id))

        assert [(report.order_id, report.cl_ord_id.startswith("IQ-")) for report in listed] == [
            (order_id, False)
        ]
        assert await harness.broker.open_orders() == ()

    async def test_bc_76_what_can_be_read_whole_is_named_nowhere_else(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
        await harness.broker.submit(single("IQ-2", terms(BUY, 100, "99.00")))

        listed = await harness.broker.open_orders()

        assert [report.cl_ord_id for report in listed] == ["IQ-2"]
        assert harness.broker.unreadable == ()
        assert await harness.broker.share_moves(BEGINNING) == ()

    async def test_bc_77_money_that_the_owner_moves_is_told_by_one_name_for_ever(
        self, harness: BrokerHarness
    ) -> None:
        before = await harness.broker.account()
        await harness.move_cash("2500.00")
        await harness.move_cash("-400.00")

        told = await harness.broker.cash_flows(BEGINNING)
        again = await harness.broker.cash_flows(BEGINNING)

        assert [(each.kind, each.external, each.amount) for each in told] == [
            ("deposit", True, 2500),
            ("withdrawal", True, -400),
        ]
        assert again == told
        assert len({each.activity_id for each in told}) == 2
        assert (await harness.broker.account()).cash - before.cash == 2100

    async def test_bc_78_what_changes_hands_in_a_trade_is_no_cash_flow(self, harness: BrokerHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100)))

        assert await harness.broker.cash_flows(BEGINNING) == ()
