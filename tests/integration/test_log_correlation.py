"""Whatever is logged on an order's way names the order, also by rooms that know no order."""

from pathlib import Path

import pytest
from structlog.contextvars import get_contextvars

from core.domain.messages import CancelOrder
from tests.fakes.rig import Rig, draft


class Listening:
    """A broker that notes what a log line written beneath it would carry."""

    def __init__(self, broker) -> None:
        self._broker = broker
        self.heard: list[tuple[str, object]] = []

    def __getattr__(self, name: str):
        inner = getattr(self._broker, name)

        async def call(*arguments):
            self.heard.append((name, get_contextvars().get("cl_ord_id")))
            return await inner(*arguments)

        return call


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    await made.stop()


async def test_send_and_cancel_carry_the_orders_name_and_leave_nothing_behind(rig: Rig) -> None:
    broker = Listening(rig.market.broker)
    rig.core.sending._broker = rig.core.exits._broker = broker

    first = await rig.submit(draft(price="99.00"))
    second = await rig.submit(draft(price="98.00"))
    await rig.do(CancelOrder(first.cl_ord_id))

    assert broker.heard == [
        ("submit", first.cl_ord_id),
        ("submit", second.cl_ord_id),
        ("cancel", first.cl_ord_id),
    ]
    assert get_contextvars() == {}
