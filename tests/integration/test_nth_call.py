"""Call n of the broker or the database fails, once and then for good, for every n until none is left.

The script is one decision of a person, its cancel and a restart. Whatever fails, the exchange has each order
once, it was stored before it was sent, and the next start on sound ground agrees with the exchange exactly.
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.audit.verify import Verifier
from core.domain.messages import CancelOrder, Command, SubmitOrder
from core.domain.terms import OrdStatus
from core.errors import BrokerUnavailable, InvestIQError, OutcomeUnknown, StorageError, StorageUnwritable
from core.ids import IdempotencyKey
from core.ports.storage import Reader
from tests.builders import AAPL
from tests.fakes.rig import EVERY_RULE, Rig, WatchedStore, draft

BROKER_CALLS = (
    "connect", "submit", "cancel", "order", "open_orders", "positions", "account", "activities",
)  # fmt: skip
MOST_CALLS = 400
MAY_COME = {
    "link.lost", "cancel.unknown", "cancel.unwritable", "report.unwritable", "account.unanswered",
    "reconciliation.unanswered", "in_flight.unanswered", "audit.unwritable", "stream.suspect",
    "look_up.unwritable", "trading_state.unwritable",
}  # fmt: skip


class Nth:
    """Counts calls over all that it wraps, and strikes at one of them, or at it and every later one."""

    def __init__(self, n: int, make: Callable[[], Exception], *, for_good: bool) -> None:
        self.n = n
        self.make = make
        self.for_good = for_good
        self.count = 0
        self.struck = False
        self.is_over = False

    def wrap(self, call: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
        async def counted(*arguments: Any) -> Any:
            strikes = self._strikes()
            if strikes and not after:
                raise self.make()
            answer = await call(*arguments)
            if strikes:
                raise self.make()
            return answer

        return counted

    def _strikes(self) -> bool:
        if self.is_over:
            return False
        self.count += 1
        strikes = self.count == self.n or (self.for_good and self.count > self.n)
        self.struck |= strikes
        return strikes


def _arm_broker(rig: Rig, nth: Nth, *, after: bool) -> None:
    for name in BROKER_CALLS:
        setattr(rig.market.broker, name, nth.wrap(getattr(rig.market.broker, name), after=after))


def _arm_store(store: WatchedStore, nth: Nth) -> None:
    store.inner.write = nth.wrap(store.inner.write)
    store.inner.read = nth.wrap(store.inner.read)


async def _script(rig: Rig, nth: Nth, arm: Callable[[Rig], None]) -> None:
    """Start, submit twice, let a part fill, cancel, kill and start again; each step may meet the fault."""
    arm(rig)
    if await _starts(rig):
        witness = _Witness(rig)
        await _trade(rig)
        assert witness.unwritten == []
    await rig.kill()
    arm(rig)
    if await _starts(rig):
        await rig.wait(2, 0.5, refresh=False)
    nth.is_over = True
    await rig.kill()


async def _starts(rig: Rig) -> bool:
    try:
        await rig.start()
    except StorageError:
        return False
    return True


async def _trade(rig: Rig) -> None:
    await rig.wait(1, 0.5)
    wanted = SubmitOrder(draft(qty=10, price="99.90"), IdempotencyKey("k-1"), EVERY_RULE)
    await _give(rig, wanted, 3)
    await _give(rig, wanted, 3)  # the same decision again, as by a person who got no answer
    rig.market.quote("99.88", "99.90", size=4)
    rig.market.quote("100.00", "100.02")
    await rig.wait(2, 0.5, refresh=False)
    for order in rig.core.state.orders.open():
        await _give(rig, CancelOrder(order.cl_ord_id), 1)


async def _give(rig: Rig, command: Command[Any], seconds: float) -> None:
    task = await rig.begin(command)
    await rig.wait(seconds, 0.5, refresh=False)
    if not task.done():
        task.cancel()
        return
    with suppress(InvestIQError):
        task.result()


class _Witness:
    """Sees that whatever leaves was stored before."""

    def __init__(self, rig: Rig) -> None:
        self.unwritten: list[str] = []
        submit = rig.market.broker.submit

        async def watched(order: Any) -> Any:
            stored = await rig.store.inner._readers.run(lambda reader: reader.order(order.cl_ord_id))
            if stored is None:
                self.unwritten.append(order.cl_ord_id)
            return await submit(order)

        rig.market.broker.submit = watched


async def _agrees(rig: Rig) -> None:
    """Start on sound ground and hold our book against the exchange's own ledger."""
    await rig.start()
    await rig.wait(10, 1, refresh=False)
    oracle = rig.oracle()

    def query(reader: Reader) -> Any:
        return {each.cl_ord_id: each for each in reader.recent_orders(100)}, reader.fills()

    orders, fills = await rig.store.read(query)
    report = await Verifier(rig.store).verify()
    cash = rig.core.state.account.cash
    held = rig.core.state.positions.qty(AAPL)
    await rig.stop()
    assert oracle.twice == set()
    assert len(oracle.orders) <= 1
    for cl_ord_id in oracle.orders:
        assert orders[cl_ord_id].cum_qty == oracle.cum.get(cl_ord_id, Decimal(0))
    for cl_ord_id, order in orders.items():
        if cl_ord_id not in oracle.orders:
            assert order.ord_status in (OrdStatus.UNKNOWN, OrdStatus.REJECTED)
    assert {fill.exec_id for fill in fills} == set(oracle.fills)
    assert held == oracle.position(AAPL)
    assert cash == oracle.cash
    assert report.faults == ()


def _unknown() -> Exception:
    return OutcomeUnknown("no answer came")


def _unavailable() -> Exception:
    return BrokerUnavailable("nobody is there")


def _full() -> Exception:
    return StorageUnwritable("the disk is full")


async def _run(n: int, kind: str, *, for_good: bool) -> bool:
    """Run the script with one fault; return whether there was a call to strike at."""
    make = {"before": _unavailable, "after": _unknown, "store": _full}[kind]
    nth = Nth(n, make, for_good=for_good)

    def arm(rig: Rig) -> None:
        if kind == "store":
            rig.opened = lambda store: _arm_store(store, nth)
        else:
            _arm_broker(rig, nth, after=kind == "after")

    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder))
        await _script(rig, nth, arm)
        await _agrees(rig)
    return nth.struck


@pytest.mark.timeout(0)
@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("kind", ["before", "after", "store"])
async def test_whichever_call_fails_the_book_agrees_in_the_end(
    kind: str, for_good: bool, expected_log
) -> None:
    for n in range(1, MOST_CALLS):
        if not await _run(n, kind, for_good=for_good):
            break

    assert n > 5
    assert n < MOST_CALLS - 1
    expected_log.records[:] = [each for each in expected_log.records if each.getMessage() not in MAY_COME]
