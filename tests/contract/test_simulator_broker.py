"""The embedded exchange keeps the broker contract, and matches by price and time besides."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.domain.execution import ExecType
from core.domain.terms import OrderTerms, OrdStatus, Side, TimeInForce
from core.errors import BrokerRejected
from tests.builders import dec, single, terms
from tests.contract.broker_contract import BrokerContract
from tests.contract.broker_harness import fills, hold, state, swap
from tests.contract.exchange_harness import ExchangeHarness
from tests.contract.order_kinds_contract import fill_of

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ExchangeHarness]:
    harness = await ExchangeHarness(tmp_path / "exchange.jsonl").open()
    yield harness
    harness.exchange.close()


class TestSimulatorBroker(BrokerContract):
    """The contract."""


class TestExchangeRules:
    """What holds of this exchange alone: how it matches, and what it takes in a halt or a closed market."""

    async def test_bc_09_resting_limit_fills_at_its_price_when_a_trade_goes_through_it(
        self, harness: ExchangeHarness
    ) -> None:
        await harness.quote("99.95", "100.02")
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.00")))

        await harness.trade("99.99", 70)

        assert await fills(harness, "IQ-1") == [(70, dec("100.00"))]

    async def test_bc_10_trade_at_the_limit_leaves_it_resting(self, harness: ExchangeHarness) -> None:
        await harness.quote("100.00", "100.02")
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.00")))

        await harness.trade("100.00", 500)

        assert await state(harness, "IQ-1") == (OrdStatus.NEW, 0)

    async def test_bc_12_better_price_trades_first(self, harness: ExchangeHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00")))
        await harness.broker.submit(single("IQ-2", terms(BUY, 100, "99.50")))

        await harness.quote("98.90", "98.95", ask_size=100)

        assert await state(harness, "IQ-1") == (OrdStatus.NEW, 0)
        assert await state(harness, "IQ-2") == (OrdStatus.FILLED, 100)

    async def test_bc_13_earlier_order_trades_first_at_the_same_price(self, harness: ExchangeHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00")))
        await harness.broker.submit(single("IQ-2", terms(BUY, 100, "99.00")))

        await harness.quote("98.90", "98.95", ask_size=150)

        assert await state(harness, "IQ-1") == (OrdStatus.FILLED, 100)
        assert await state(harness, "IQ-2") == (OrdStatus.PARTIALLY_FILLED, 50)

    @pytest.mark.parametrize("body", [terms(BUY, 1), terms(BUY, 1, "100.00", tif=TimeInForce.IOC)])
    async def test_bc_22_order_for_now_in_a_closed_market_is_rejected(
        self, harness: ExchangeHarness, body: OrderTerms
    ) -> None:
        await harness.close_market()

        with pytest.raises(BrokerRejected, match="closed"):
            await harness.broker.submit(single("IQ-1", body))

    async def test_bc_23_market_order_in_a_halt_is_rejected(self, harness: ExchangeHarness) -> None:
        await harness.halt()

        with pytest.raises(BrokerRejected, match="halted"):
            await harness.broker.submit(single("IQ-1", terms(BUY, 1)))

    async def test_bc_24_limit_order_in_a_halt_rests_until_its_end(self, harness: ExchangeHarness) -> None:
        await harness.halt()
        await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.02")))
        halted = await state(harness, "IQ-1")

        await harness.quote("100.00", "100.02")

        assert halted == (OrdStatus.NEW, 0)
        assert await state(harness, "IQ-1") == (OrdStatus.FILLED, 100)

    async def test_bc_36_replace_keeps_the_place_in_time_only_for_less(
        self, harness: ExchangeHarness
    ) -> None:
        for number in (1, 2, 3):
            await harness.broker.submit(single(f"IQ-{number}", terms(BUY, 100, "99.00")))
        await harness.broker.replace(swap("IQ-4", "IQ-1", terms(BUY, 80, "99.00")))
        await harness.broker.replace(swap("IQ-5", "IQ-2", terms(BUY, 120, "99.00")))

        await harness.quote("98.90", "98.95", ask_size=180)

        assert await state(harness, "IQ-4") == (OrdStatus.FILLED, 80)
        assert await state(harness, "IQ-3") == (OrdStatus.FILLED, 100)
        assert await state(harness, "IQ-5") == (OrdStatus.NEW, 0)

    async def test_bust_and_correction_are_among_the_activities(self, harness: ExchangeHarness) -> None:
        await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
        fill = await fill_of(harness, "IQ-1")

        await harness.correct(fill.exec_id, "99.50")
        await harness.bust(fill.exec_id)

        reports = await harness.broker.activities(harness.now().replace(hour=0))
        about = [report.exec_type for report in reports if report.exec_ref_id == fill.exec_id]
        assert about == [ExecType.TRADE_CORRECT, ExecType.TRADE_CANCEL]
        assert (await harness.broker.account()).cash == 100_000

    @pytest.mark.parametrize(
        ("body", "word"),
        [
            (terms(BUY, 1, "1.00", symbol="ZZZZ"), "ZZZZ"),
            (terms(BUY, 1, "99.005"), "tick"),
            (terms(BUY, 1001, "100.00"), "buying power"),
            (terms(SELL, 101, "120.00"), "short"),
        ],
    )
    async def test_refusal_says_why(self, harness: ExchangeHarness, body: OrderTerms, word: str) -> None:
        await hold(harness, 100)

        with pytest.raises(BrokerRejected, match=word):
            await harness.broker.submit(single("IQ-1", body))
