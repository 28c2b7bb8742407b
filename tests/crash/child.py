"""What runs in the processes that are killed, and in those that recover. Forked from a warm parent."""

import asyncio
import json
import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from core.adapters.simulator.faults import Call
from core.audit.verify import Verifier
from core.domain.confirmation import ConfirmationReply
from core.domain.messages import CancelOrder, ReplaceOrder, SubmitOrder, Submitted
from core.domain.money import Qty
from core.domain.order import Order
from core.domain.terms import OrderDraft, OrdType, Side, TimeInForce
from core.errors import InvestIQError
from core.failpoints import arm
from core.ids import IdempotencyKey
from core.ports.storage import Reader
from tests.builders import AAPL
from tests.fakes.market import MSFT
from tests.fakes.rig import EASY, EVERY_RULE, Rig, draft

MOST = 1_000_000
# Random trading loses often and crosses its own orders; a breaker that trips over it is not looked at here.
UNWATCHED = replace(EASY, losing_streak=MOST, slippage_pct=Decimal(1_000), rejects_max=MOST)


def die_at(name: str, passes: int) -> None:
    """End this process by SIGKILL when a place is passed for the n-th time."""
    left = passes

    def strike() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    arm(name, strike)


def victim(folder: Path, seed: int, place: str | None, passes: int) -> None:
    """Trade until killed: at a named place, or by whoever started this."""
    if place is not None:
        die_at(place, passes)
    trader = _Trader(folder, seed)
    trader.has_sheet = place is not None and place.startswith("gate.")
    asyncio.run(trader.live())


class _Trader:
    def __init__(self, folder: Path, seed: int) -> None:
        self.rig = Rig(folder, limits=UNWATCHED, label=f"S{seed}-")
        self.rig.clock.turn(seed * 1000.0)
        self.rng = random.Random(seed)
        self.decided = (folder / "decided.jsonl").open("a")
        self.answered = (folder / "answered.txt").open("a")
        self.has_sheet = False

    async def live(self) -> None:
        self.rig.confirmer.answer = lambda asked: ConfirmationReply(
            asked.digest, accepted=True, typed=asked.phrase
        )
        await self.rig.start()
        self.rig.core.gate.settings.always = self.has_sheet
        steps: tuple[Callable[[], object], ...] = (
            self.buy, self.buy, self.rest, self.rest, self.market, self.market, self.sell, self.cancel,
            self.replace, self.lose_answer, self.lose_request, self.disconnect, self.duplicate,
        )  # fmt: skip
        for step in (self.rest, self.buy, self.lose_answer, self.rest, self.cancel, self.disconnect):
            await step()
        while True:
            await self.rng.choice(steps)()

    async def submit(self, wanted: OrderDraft) -> None:
        key = self.rig.key()
        fields = [wanted.symbol, wanted.side, wanted.time_in_force, wanted.order_qty, wanted.price]
        print(json.dumps([key, *fields]), file=self.decided, flush=True)
        with suppress(InvestIQError):
            order = await self.rig.submit(wanted, key)
            print(order.cl_ord_id, file=self.answered, flush=True)

    def symbol(self) -> str:
        return self.rng.choice((AAPL, MSFT))

    async def buy(self) -> None:
        await self.submit(draft(qty=self.rng.randint(1, 30), symbol=self.symbol()))

    async def rest(self) -> None:
        price = f"{self.rng.randint(9_950, 10_002) / 100:.2f}"
        await self.submit(draft(qty=self.rng.randint(1, 30), price=price, symbol=self.symbol()))

    async def sell(self) -> None:
        await self.submit(draft(Side.SELL, self.rng.randint(1, 20), symbol=self.symbol()))

    async def market(self) -> None:
        shown = Qty(self.rng.randint(1, 12))
        self.rig.market.show(self.symbol(), bid_size=shown, ask_size=shown)
        await self.rig.quiet()

    def _open(self) -> Order | None:
        found = self.rig.core.state.orders.open()
        return self.rng.choice(found) if found else None

    async def cancel(self) -> None:
        order = self._open()
        if order is not None:
            with suppress(InvestIQError):
                await self.rig.do(CancelOrder(order.cl_ord_id))

    async def replace(self) -> None:
        order = self._open()
        if order is not None and order.ord_type is OrdType.LIMIT:
            qty = str(order.order_qty + self.rng.randint(-3, 5))
            with suppress(InvestIQError):
                wanted = ReplaceOrder(order.cl_ord_id, self.rig.key(), qty, "99.70", "", EVERY_RULE)
                await self.rig.do(wanted)

    async def lose_answer(self) -> None:
        self.rig.market.faults.lose_answer(self.rng.choice((Call.SUBMIT, Call.CANCEL)))

    async def lose_request(self) -> None:
        self.rig.market.faults.lose_request(self.rng.choice((Call.SUBMIT, Call.CANCEL)))

    async def duplicate(self) -> None:
        self.rig.market.faults.duplicate_reports(3)

    async def disconnect(self) -> None:
        self.rig.market.faults.disconnect()
        await self.rig.quiet()
        await self.rig.wait(1)


def recovery(folder: Path, seed: int) -> None:
    """Start on what is left, twice, and write down what the book says each time."""
    asyncio.run(_recover(folder, seed))


async def _recover(folder: Path, seed: int) -> None:
    rig = Rig(folder, limits=UNWATCHED, label=f"R{seed}-")
    rig.clock.turn(seed * 1000.0 + 900.0)
    await rig.start()
    sent = len(rig.oracle().ours())
    await rig.wait(2, 0.5)
    await rig.until_ready()
    first = await _book(rig)
    await rig.kill()
    await rig.start()
    await rig.wait(2, 0.5)
    await rig.until_ready()
    second = await _book(rig)
    sent_by_itself = len(rig.oracle().ours()) - sent
    repeated = await decide_again(rig)
    answer = {
        "first": first,
        "second": second,
        "sent_by_itself": sent_by_itself,
        "repeated": repeated,
        "last": await _book(rig),
        "alarms": rig.alarms(),
    }
    await rig.stop()
    (folder / "book.json").write_text(json.dumps(answer))


class Deciding(Protocol):
    """Whatever takes commands and has written its decisions down."""

    folder: Path

    async def do(self, command: SubmitOrder) -> Submitted: ...


async def decide_again(rig: Deciding) -> list[list[str]]:
    """Give the newest decisions again, as a person does who saw the program die: key and the order it is."""
    answers = []
    for line in (rig.folder / "decided.jsonl").read_text().splitlines()[-5:]:
        key, symbol, side, tif, qty, price = json.loads(line)
        kind = OrdType.LIMIT if price else OrdType.MARKET
        wanted = OrderDraft(symbol, Side(side), kind, TimeInForce(tif), qty, price)
        with suppress(InvestIQError):
            done = await rig.do(SubmitOrder(wanted, IdempotencyKey(key), EVERY_RULE))
            answers.append([key, done.order.cl_ord_id])
    return answers


async def _book(rig: Rig) -> dict[str, object]:
    def query(reader: Reader) -> dict[str, object]:
        return {
            "orders": {
                order.cl_ord_id: [order.ord_status.value, str(order.cum_qty), str(order.order_qty)]
                for order in reader.recent_orders(MOST)
            },
            "fills": {fill.exec_id: [fill.cl_ord_id, str(fill.signed_qty)] for fill in reader.fills()},
            "positions": {each.symbol: str(each.qty) for each in reader.positions()},
        }

    book: dict[str, object] = await rig.store.read(query)
    report = await Verifier(rig.store).verify()
    cash = rig.core.state.account.cash
    return {
        **book,
        "in_memory": {each.symbol: str(each.qty) for each in rig.core.state.positions.all()},
        "cash": None if cash is None else str(cash),
        "faults": [fault.reason for fault in report.faults],
    }
