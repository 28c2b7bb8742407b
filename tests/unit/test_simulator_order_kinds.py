"""Every kind of order at the embedded exchange, beyond the contract; lists have a file of their own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.simulator.hours import extended_end
from core.adapters.simulator.working import shares_for
from core.domain.execution import ExecType
from core.domain.money import Price
from core.domain.terms import OrdStatus, Side, TimeInForce
from core.errors import BrokerRejected
from core.ids import ClOrdId, ExecId
from tests.builders import dec, single, terms
from tests.contract.broker_harness import MSFT, cancel, fills, hold, position, state, swap
from tests.contract.exchange_harness import ExchangeHarness
from tests.contract.order_kinds_contract import amount, extended, fill_of, trailing

BUY, SELL = Side.BUY, Side.SELL
GTC, OPG, CLS = TimeInForce.GTC, TimeInForce.OPG, TimeInForce.CLS


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ExchangeHarness]:
    harness = await ExchangeHarness(tmp_path / "exchange.jsonl").open()
    yield harness
    harness.exchange.close()


async def again(harness: ExchangeHarness) -> ExchangeHarness:
    harness.exchange.close()
    return await ExchangeHarness(harness.path).open()


async def test_trailing_stop_in_a_closed_market_begins_with_the_first_trade_of_the_day(
    harness: ExchangeHarness,
) -> None:
    await hold(harness, 100)
    await harness.trade("120.00")
    await harness.close_market()
    await harness.broker.submit(single("IQ-1", trailing(SELL, px="1.00", tif=GTC)))
    await harness.open_market()
    await harness.trade("100.00")
    began = await state(harness, "IQ-1")

    await harness.trade("99.00")

    assert began == (OrdStatus.NEW, 0)
    assert await state(harness, "IQ-1") == (OrdStatus.FILLED, 100)


async def test_trailing_stop_does_not_follow_trades_after_hours(harness: ExchangeHarness) -> None:
    await hold(harness, 100)
    await harness.trade("100.00")
    await harness.broker.submit(single("IQ-1", trailing(SELL, px="2.00", tif=GTC)))
    await harness.close_market()
    await harness.trade("110.00")
    await harness.trade("90.00")
    await harness.open_market()

    await harness.trade("98.01")

    assert await state(harness, "IQ-1") == (OrdStatus.NEW, 0)


async def test_trailing_stop_that_is_replaced_keeps_its_best_trade(harness: ExchangeHarness) -> None:
    await hold(harness, 100)
    await harness.trade("110.00")
    await harness.broker.submit(single("IQ-1", trailing(SELL, px="5.00")))
    await harness.trade("106.00")
    await harness.broker.replace(swap("IQ-2", "IQ-1", trailing(SELL, px="4.50")))

    await harness.trade("105.50")

    assert await state(harness, "IQ-2") == (OrdStatus.FILLED, 100)


async def test_trailing_stop_waits_at_the_same_trade_after_a_restart(harness: ExchangeHarness) -> None:
    await hold(harness, 100)
    await harness.trade("100.00")
    await harness.broker.submit(single("IQ-1", trailing(SELL, pct="1.5", tif=GTC)))
    await harness.trade("200.00")

    restarted = await again(harness)
    await restarted.trade("197.01")
    waiting = await state(restarted, "IQ-1")
    await restarted.trade("197.00")

    assert waiting == (OrdStatus.NEW, 0)
    assert await state(restarted, "IQ-1") == (OrdStatus.FILLED, 100)
    restarted.exchange.close()


async def test_trailing_purchase_holds_its_trigger_or_the_offer(harness: ExchangeHarness) -> None:
    await harness.quote("99.98", "100.00")
    await harness.trade("100.00")

    await harness.broker.submit(single("IQ-1", trailing(BUY, px="3.00")))

    account = await harness.broker.account()
    assert account.cash - account.buying_power == 100 * dec("103.00")


@pytest.mark.parametrize(
    ("hour", "minute", "in_force", "taken"),
    [
        (9, 27, OPG, True),
        (9, 28, OPG, False),
        (18, 59, OPG, False),
        (19, 0, OPG, True),
        (9, 27, CLS, True),
        (15, 49, CLS, True),
        (15, 50, CLS, False),
        (18, 59, CLS, False),
        (19, 0, CLS, True),
    ],
)
async def test_auction_opens_and_closes_its_door_by_the_clock_in_new_york(
    harness: ExchangeHarness, hour: int, minute: int, in_force: TimeInForce, taken: bool
) -> None:
    if not 9 < hour < 16:
        await harness.close_market()
    await harness.turn_to(hour, minute)

    if taken:
        await harness.broker.submit(single("IQ-1", terms(BUY, 1, tif=in_force)))
    else:
        with pytest.raises(BrokerRejected, match="auction takes orders until"):
            await harness.broker.submit(single("IQ-1", terms(BUY, 1, tif=in_force)))


async def test_auction_does_not_take_stops(harness: ExchangeHarness) -> None:
    with pytest.raises(BrokerRejected, match="stop order"):
        await harness.broker.submit(single("IQ-1", terms(BUY, 1, stop="101.00", tif=CLS)))


async def test_opening_in_a_halt_waits_for_the_first_trade(harness: ExchangeHarness) -> None:
    await harness.close_market()
    await harness.turn_to(19, 0)
    await harness.broker.submit(single("IQ-1", terms(BUY, 100, tif=OPG)))
    await harness.open_market()
    await harness.halt()
    await harness.quote("100.00", "100.02")
    waiting = await state(harness, "IQ-1")

    await harness.trade("100.50")

    assert waiting == (OrdStatus.NEW, 0)
    assert await fills(harness, "IQ-1") == [(100, dec("100.50"))]


async def test_opening_that_never_came_cancels_at_the_close(harness: ExchangeHarness) -> None:
    await harness.close_market()
    await harness.turn_to(19, 0)
    await harness.broker.submit(single("IQ-1", terms(BUY, 100, tif=OPG)))
    await harness.open_market()
    await harness.halt()

    await harness.close_market()

    assert await state(harness, "IQ-1") == (OrdStatus.CANCELED, 0)


async def test_opening_beyond_what_can_be_paid_cancels_the_order(harness: ExchangeHarness) -> None:
    await harness.close_market()
    await harness.turn_to(19, 0)
    await harness.broker.submit(single("IQ-1", terms(BUY, 990, tif=OPG)))

    await harness.open_market("110.00")

    assert await state(harness, "IQ-1") == (OrdStatus.CANCELED, 0)
    assert (await harness.broker.account()).buying_power == 100_000


@pytest.mark.parametrize(
    ("entered", "end"),
    [
        (datetime(2026, 11, 20, 15, 0, tzinfo=UTC), datetime(2026, 11, 21, 1, 0, tzinfo=UTC)),
        (datetime(2026, 11, 21, 1, 0, tzinfo=UTC), datetime(2026, 11, 22, 1, 0, tzinfo=UTC)),
        (datetime(2026, 7, 1, 15, 0, tzinfo=UTC), datetime(2026, 7, 2, 0, 0, tzinfo=UTC)),
    ],
)
def test_extended_day_ends_at_eight_in_new_york(entered: datetime, end: datetime) -> None:
    assert extended_end(entered) == end


async def test_extended_day_that_no_quote_came_in_ends_before_the_next_opens(
    harness: ExchangeHarness,
) -> None:
    await harness.broker.submit(single("IQ-1", extended(terms(BUY, 100, "99.00"))))
    await harness.close_market()

    await harness.open_market()

    report = harness.exchange.order(ClOrdId("IQ-1"))
    assert report is not None
    assert report.ord_status is OrdStatus.EXPIRED
    assert report.transact_time == datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


async def test_extended_day_ends_also_after_a_restart(harness: ExchangeHarness) -> None:
    await harness.broker.submit(single("IQ-1", extended(terms(BUY, 100, "99.00"))))
    await harness.close_market()
    harness.exchange.close()

    restarted = ExchangeHarness(harness.path)
    restarted.exchange.turn(datetime(2026, 11, 21, 1, 0, tzinfo=UTC))

    assert await state(restarted, "IQ-1") == (OrdStatus.EXPIRED, 0)
    restarted.exchange.close()


async def test_order_with_the_flag_that_comes_after_hours_trades_on_arrival(
    harness: ExchangeHarness,
) -> None:
    await harness.close_market()
    await harness.quote("98.90", "98.92")

    await harness.broker.submit(single("IQ-1", extended(terms(BUY, 100, "99.00", tif=GTC))))

    assert await fills(harness, "IQ-1") == [(100, dec("98.92"))]


def test_shares_for_an_amount_are_rounded_down_to_nine_decimals() -> None:
    assert shares_for(Decimal("500.00"), Decimal("70.00")) == dec("7.142857142")
    assert shares_for(Decimal("0.01"), Decimal(999_999)) == dec("0.000000010")
    assert shares_for(Decimal("-0.01"), Decimal(1)) == 0


async def test_amount_that_the_offer_cannot_fill_goes_on_until_the_cash_is_spent(
    harness: ExchangeHarness,
) -> None:
    await harness.quote("99.98", "100.00", ask_size=3, symbol=MSFT)
    await harness.broker.submit(single("IQ-1", amount(BUY, "500.00")))
    before, account = await state(harness, "IQ-1"), await harness.broker.account()

    await harness.quote("109.98", "110.00", symbol=MSFT)

    assert before == (OrdStatus.PARTIALLY_FILLED, 3)
    assert account.buying_power == account.cash - 200
    assert await fills(harness, "IQ-1") == [(3, dec("100.00")), (dec("1.818181818"), dec("110.00"))]
    assert (await state(harness, "IQ-1"))[0] is OrdStatus.FILLED
    assert harness.exchange.order(ClOrdId("IQ-1")).leaves_qty == 0


async def test_amount_sells_no_more_than_was_set_aside_for_it(harness: ExchangeHarness) -> None:
    await harness.broker.submit(single("IQ-0", terms(BUY, 10, symbol=MSFT)))
    await harness.quote("100.00", "100.02", bid_size=2, symbol=MSFT)
    await harness.broker.submit(single("IQ-1", amount(SELL, "1000.00")))
    with pytest.raises(BrokerRejected, match="short"):
        await harness.broker.submit(single("IQ-2", terms(SELL, 1, "110.00", symbol=MSFT)))

    restarted = await again(harness)
    await restarted.quote("90.00", "90.02", symbol=MSFT)

    assert await state(restarted, "IQ-1") == (OrdStatus.FILLED, 10)
    assert await position(restarted, MSFT) == 0
    restarted.exchange.close()


async def test_short_sale_holds_the_offer_and_three_percent_until_it_is_canceled(
    harness: ExchangeHarness,
) -> None:
    await harness.permit_short()
    await harness.quote("99.98", "100.00", symbol=MSFT)
    await harness.broker.submit(single("IQ-1", terms(SELL, 100, "102.00", symbol=MSFT)))
    held = (await harness.broker.account()).buying_power

    await harness.broker.cancel(cancel("IQ-1"))

    assert held == 100_000 - 100 * dec("103.00")
    assert (await harness.broker.account()).buying_power == 100_000


async def test_sale_never_takes_a_position_from_one_side_to_the_other(harness: ExchangeHarness) -> None:
    await harness.permit_short()
    await harness.broker.submit(single("IQ-1", terms(BUY, 50, symbol=MSFT)))

    with pytest.raises(BrokerRejected, match="insufficient shares"):
        await harness.broker.submit(single("IQ-2", terms(SELL, 100, symbol=MSFT)))
    with pytest.raises(BrokerRejected, match="insufficient shares"):
        await harness.broker.submit(single("IQ-3", terms(SELL, "50.5", symbol=MSFT)))


async def test_short_position_binds_its_proceeds_and_a_reserve_that_follows_the_market(
    harness: ExchangeHarness,
) -> None:
    await harness.permit_short()
    await harness.broker.submit(single("IQ-1", terms(SELL, 100, symbol=MSFT)))

    await harness.trade("110.00", symbol=MSFT)

    account = await harness.broker.account()
    assert account.cash == 100_000 + 100 * dec("100.00")
    assert account.buying_power == 100_000 - 100 * dec("110.00") * dec("1.03")
    assert account.equity == 100_000 - 100 * dec("10.00")


async def test_purchase_that_gives_back_and_more_is_paid_for_the_whole(harness: ExchangeHarness) -> None:
    await harness.permit_short()
    await harness.broker.submit(single("IQ-1", terms(SELL, 100, symbol=MSFT)))
    await harness.broker.submit(single("IQ-2", terms(BUY, 60, "90.00", symbol=MSFT)))

    with pytest.raises(BrokerRejected, match="buying power"):
        await harness.broker.submit(single("IQ-3", terms(BUY, 2000, "90.00", symbol=MSFT)))
    await harness.broker.submit(single("IQ-4", terms(BUY, 140, symbol=MSFT)))

    (held,) = await harness.broker.positions()
    assert (held.qty, held.avg_px) == (40, dec("100.02"))


async def test_purchase_for_shares_that_are_not_owed_any_more_must_be_payable(
    harness: ExchangeHarness,
) -> None:
    await harness.permit_short()
    await harness.broker.submit(single("IQ-1", terms(SELL, 900, symbol=MSFT)))
    await harness.broker.submit(single("IQ-2", terms(BUY, 900, "90.00", symbol=MSFT)))
    fill = await fill_of(harness, "IQ-1")
    await harness.bust(fill.exec_id)
    await harness.broker.submit(single("IQ-3", terms(BUY, 900, symbol=MSFT)))

    await harness.quote("89.98", "90.00", symbol=MSFT)

    assert await state(harness, "IQ-2") == (OrdStatus.CANCELED, 0)
    assert (await harness.broker.account()).cash == 100_000 - 900 * dec("100.02")


async def test_bust_of_a_part_lets_an_open_order_work_for_it_again(harness: ExchangeHarness) -> None:
    await harness.quote("99.98", "100.00", ask_size=60)
    await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.00")))
    fill = await fill_of(harness, "IQ-1")

    await harness.bust(fill.exec_id)
    await harness.quote("99.98", "100.00")

    assert await fills(harness, "IQ-1") == [(60, dec("100.00")), (100, dec("100.00"))]
    assert await position(harness) == 100
    assert (await harness.broker.account()).cash == 100_000 - 100 * dec("100.00")


async def test_average_price_after_amendments_is_that_of_the_fills_that_count(
    harness: ExchangeHarness,
) -> None:
    await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
    await harness.quote("199.98", "200.00")
    await harness.broker.submit(single("IQ-2", terms(BUY, 100)))
    first, second = await fill_of(harness, "IQ-1"), await fill_of(harness, "IQ-2")

    await harness.correct(first.exec_id, "90.00")
    await harness.correct(first.exec_id, "92.00")
    await harness.bust(second.exec_id)
    restarted = await again(harness)

    (held,) = await restarted.broker.positions()
    assert (held.qty, held.avg_px) == (100, dec("92.00"))
    assert (await restarted.broker.account()).cash == 100_000 - 100 * dec("92.00")
    restarted.exchange.close()


async def test_correction_of_a_sale_changes_its_fee(tmp_path: Path) -> None:
    harness = await ExchangeHarness(tmp_path / "fees.jsonl", fees=True).open()
    await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
    await harness.broker.submit(single("IQ-2", terms(SELL, 100)))
    fill = await fill_of(harness, "IQ-2")

    await harness.correct(fill.exec_id, "200.00")

    report = harness.exchange.activities(harness.now())[-1]
    assert (fill.fee, report.fee) == (dec("0.23"), dec("0.44"))
    expected = 100_000 - 100 * dec("100.02") + 100 * dec("200.00") - report.fee
    assert (await harness.broker.account()).cash == expected
    harness.exchange.close()


async def test_bust_of_what_is_no_fill_or_was_taken_back_is_refused(harness: ExchangeHarness) -> None:
    ack = await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
    fill = await fill_of(harness, "IQ-1")
    await harness.bust(fill.exec_id)

    for exec_id in (fill.exec_id, ack.exec_id, ExecId("X-0")):
        with pytest.raises(BrokerRejected, match="no fill"):
            await harness.bust(exec_id)
    assert harness.exchange.activities(harness.now())[-1].exec_type is ExecType.TRADE_CANCEL


async def test_bust_of_a_replaced_order_leaves_its_replacement_as_it_works(harness: ExchangeHarness) -> None:
    await harness.quote("99.98", "100.00", ask_size=60)
    await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.00")))
    fill = await fill_of(harness, "IQ-1")
    await harness.broker.replace(swap("IQ-2", "IQ-1", terms(BUY, 100, "99.00")))

    await harness.bust(fill.exec_id)

    assert await state(harness, "IQ-1") == (OrdStatus.REPLACED, 0)
    assert await state(harness, "IQ-2") == (OrdStatus.PARTIALLY_FILLED, 60)
    assert await position(harness) == 0


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (terms(BUY, "1.0000000001", symbol=MSFT), "nine decimals"),
        (replace(terms(BUY, 1, "99.00"), extended_hours=True, time_in_force=CLS), "outside regular hours"),
        (replace(amount(BUY, "100.00"), symbol="AAPL"), "whole shares"),
        (replace(trailing(BUY, px="1.00"), stop_px=Price("101.00")), "no stop price"),
        (trailing(BUY, pct="100"), "below 100"),
        (replace(terms(BUY, 1, "99.00"), trail_px=Price("1.00")), "does not trail"),
    ],
)
async def test_order_that_does_not_fit_together_is_refused_with_the_reason(
    harness: ExchangeHarness, body, word: str
) -> None:
    with pytest.raises(BrokerRejected, match=word):
        await harness.broker.submit(single("IQ-1", body))
