"""The embedded exchange keeps the broker contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.broker_contract import BrokerContract
from tests.contract.exchange_harness import ExchangeHarness


class TestSimulatorBroker(BrokerContract):
    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[ExchangeHarness]:
        harness = await ExchangeHarness(tmp_path / "exchange.jsonl").open()
        yield harness
        harness.exchange.close()
