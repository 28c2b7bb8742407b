"""The whole core at the local Alpaca server, driven at random over real sockets, with faults on the way.

After every step the server's own books add up and no order was sent twice. Once what was broken is mended and
the book has been compared, both sides agree in every order, fill, share and cent.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from core.audit.verify import Verifier
from core.clock import settle
from core.domain.messages import (
    CancelOrder,
    CancelOrders,
    ClosePosition,
    HaltTrading,
    ReplaceOrder,
    ResendOrder,
    ResumeTrading,
    SubmitOrder,
)
from core.domain.money import plain
from core.domain.order import Order
from core.domain.terms import Contingency, OrderDraft, OrdStatus, OrdType, Side
from core.errors import Refused
from core.ids import IdempotencyKey
from tests import scale
from tests.builders import AAPL
from tests.fakes.alpaca_rig import AlpacaRig
from tests.fakes.market import MSFT
from tests.fakes.rig import EVERY_RULE, draft
from tests.servers.alpaca.refusals import Refusal

USUAL_EXAMPLES = 20
STEPS = 30
# What comes of the faults that are drawn; anything else in the log fails the test.
MAY_COME = {
    "link.lost",
    "stream.suspect",
    "in_flight.unanswered",
    "cancel.unknown",
    "account.unanswered",
    "reconciliation.unanswered",
    "fills.unanswered",
    "cash_flows.unanswered",
}
NEVER = ("should not happen", "our book says", "more was filled", "is not in the broker's book;")
ORDERS = "/v2/orders"
LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    "request": ("drop_before", {}),
    "answer": ("drop_after", {}),
    "gateway": ("reply_status", {"status": 504, "phase": "after"}),
    "page": ("html_200", {"phase": "after"}),
    "half": ("truncate", {}),
    "early event": ("event_first", {}),
    "throttle": ("throttle", {"reset": 0}),
}

SYMBOLS = st.sampled_from((AAPL, MSFT))
SIDES = st.sampled_from(Side)
PICK = st.integers(0, 50)
CENTS = st.integers(-40, 6)
RARELY = st.integers(0, 3).map(lambda drawn: drawn == 0)
fired: Counter[str] = Counter()


class AlpacaMachine(RuleBasedStateMachine):
    """One profile at one account.

    Attributes:
        decisions: what a person has decided, by key; one may have become one order at most.
        sent_again: ids that a person has sent again.
        halted_with: how many orders of ours the server had when trading was halted; None while it is not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.decisions: dict[IdempotencyKey, OrderDraft] = {}
        self.sent_again: Counter[str] = Counter()
        self.halted_with: int | None = None
        self.closes = 0
        self.rig = self.run(self._serve())

    async def _serve(self) -> AlpacaRig:
        return await AlpacaRig(Path(self.folder.name)).serve()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def act(self, name: str, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something that may be refused; whatever is refused has changed nothing."""
        try:
            done = self.run(work)
        except Refused:
            return None
        fired[name] += 1
        return done

    def _price(self, symbol: str, side: Side, cents: int) -> str:
        tick = self.rig.market.ticks[symbol]
        near = tick.ask if side is Side.BUY else tick.bid
        return plain(near + side.sign * Decimal(cents) / 100)

    def _open(self, pick: int, *wanted: OrdStatus) -> Order | None:
        found = [
            each for each in self.rig.core.state.orders.open() if not wanted or each.ord_status in wanted
        ]
        return found[pick % len(found)] if found else None

    def _be_open(self) -> None:
        # Most orders are given while nothing is known to be wrong; the faults that wait stay.
        if self.halted_with is not None:
            self.resume()
        if not (self.rig.core.state.ready and self.rig.is_feed_up):
            self.run(self.rig.connect())
        self.run(self.rig.wait(0.5))

    def _decide(self, name: str, wanted: OrderDraft, key: IdempotencyKey) -> Any:
        self.decisions[key] = wanted
        return self.act(name, self.rig.do(SubmitOrder(wanted, key, EVERY_RULE)))

    @rule(symbol=SYMBOLS, side=SIDES, qty=st.integers(1, 30), is_blind=RARELY)
    def submit_market(self, symbol: str, side: Side, qty: int, is_blind: bool) -> None:
        if not is_blind:
            self._be_open()
        self._decide("market", draft(side, qty, symbol=symbol), self.rig.key())

    @rule(symbol=SYMBOLS, side=SIDES, qty=st.integers(1, 30), cents=CENTS, is_blind=RARELY)
    def submit_limit(self, symbol: str, side: Side, qty: int, cents: int, is_blind: bool) -> None:
        if not is_blind:
            self._be_open()
        wanted = draft(side, qty, self._price(symbol, side, cents), symbol=symbol)
        self._decide("limit", wanted, self.rig.key())

    @rule(qty=st.integers(1, 30), cents=CENTS, wide=st.integers(5, 40))
    def submit_bracket(self, qty: int, cents: int, wide: int) -> None:
        self._be_open()
        entry, near = self._price(AAPL, Side.BUY, cents), Decimal(wide) / 100
        profit, loss = (plain(Decimal(entry) + each) for each in (near, -near))
        legs = {"contingency": Contingency.BRACKET, "take_profit": profit, "stop_loss": loss}
        self._decide("bracket", replace(draft(qty=qty, price=entry), **legs), self.rig.key())

    @rule(symbol=SYMBOLS, price=st.integers(9_960, 10_040))
    def print_a_trade(self, symbol: str, price: int) -> None:
        # Stops are woken by trades only.
        self.rig.server.exchange.trade(symbol, f"{price / 100:.2f}")
        self.act("trade", self.rig.quiet())

    @rule(qty=st.integers(1, 30), cents=CENTS)
    def submit_twice_at_once(self, qty: int, cents: int) -> None:
        wanted, key = draft(qty=qty, price=self._price(AAPL, Side.BUY, cents)), self.rig.key()
        self.decisions[key] = wanted

        async def both() -> None:
            command = SubmitOrder(wanted, key, EVERY_RULE)
            tasks = [await self.rig.begin(command) for _ in range(2)]
            for task in tasks:
                with suppress(Refused):
                    await self.rig.end(task)

        self.act("twice at once", both())

    @rule(pick=PICK)
    def decide_again(self, pick: int) -> None:
        if self.decisions:
            key = list(self.decisions)[pick % len(self.decisions)]
            self._decide("decide again", self.decisions[key], key)

    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        order = self._open(pick)
        if order is not None:
            self.act("cancel", self.rig.do(CancelOrder(order.cl_ord_id)))

    @rule(is_meant=RARELY)
    def cancel_all(self, is_meant: bool) -> None:
        if is_meant:
            self.act("cancel all", self.rig.do(CancelOrders(None)))

    @rule(pick=PICK, more=st.integers(-5, 10), cents=st.integers(-40, 0))
    def replace_order(self, pick: int, more: int, cents: int) -> None:
        self._be_open()
        self._decide("limit", draft(qty=20, price=self._price(AAPL, Side.BUY, -30)), self.rig.key())
        order = self._open(pick, OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED)
        if order is not None and order.ord_type is OrdType.LIMIT:
            qty, price = plain(order.order_qty + more), self._price(order.symbol, order.side, cents)
            wanted = ReplaceOrder(order.cl_ord_id, self.rig.key(), qty, price, "", EVERY_RULE)
            self.act("replace", self.rig.do(wanted))

    @rule(symbol=SYMBOLS)
    def close_position(self, symbol: Any) -> None:
        self._be_open()
        if self.act("close", self.rig.do(ClosePosition(symbol, self.rig.key(), EVERY_RULE))) is not None:
            self.closes += 1

    @rule(symbol=SYMBOLS, price=st.integers(9_960, 10_040))
    def move_market(self, symbol: str, price: int) -> None:
        self.rig.show(symbol, price=f"{price / 100:.2f}")
        self.act("move market", self.rig.quiet())

    @rule(symbol=SYMBOLS, parts=st.lists(st.integers(1, 9), min_size=1, max_size=4), at_once=st.booleans())
    def fill_in_parts(self, symbol: str, parts: list[int], at_once: bool) -> None:
        self.rig.server.exchange.partial_fills(symbol, parts, at_once=at_once)
        fired["parts"] += 1

    @rule(qty=st.integers(1, 10))
    def be_rejected(self, qty: int) -> None:
        self.rig.server.exchange.hand.reject_next()
        self._decide("reject", draft(qty=qty), self.rig.key())
        self.rig.server.exchange.rejections.clear()

    @rule(qty=st.integers(1, 20), cents=st.integers(-40, -1))
    def place_elsewhere(self, qty: int, cents: int) -> None:
        price = self._price(AAPL, Side.BUY, cents)
        body = {"symbol": AAPL, "side": "buy", "qty": str(qty), "type": "limit", "limit_price": price}
        try:
            self.rig.server.exchange.external_order(**body)
        except Refusal:
            return
        self.act("external", self.rig.quiet())

    @rule(pick=PICK)
    def cancel_elsewhere(self, pick: int) -> None:
        found = self.rig.server.exchange.book.open()
        if found:
            self.rig.server.exchange.hand.cancel(found[pick % len(found)].id)
            self.act("cancel elsewhere", self.rig.quiet())

    @rule(loss=st.sampled_from(sorted(LOSSES)), method=st.sampled_from(("POST", "POST", "PATCH", "DELETE")))
    def lose(self, loss: str, method: str) -> None:
        self._be_open()
        resting = draft(qty=9, price=self._price(AAPL, Side.BUY, -20))
        self._decide("limit", resting, self.rig.key())
        action, options = LOSSES[loss]
        self.rig.server.faults.http(action, method, f"{ORDERS}*", **options)
        fired[f"lose {loss}"] += 1
        order = self._open(0, OrdStatus.NEW)
        if method == "POST":
            self._decide("limit", draft(qty=7, price=self._price(AAPL, Side.BUY, -10)), self.rig.key())
        elif order is not None and method == "DELETE":
            self.act("cancel", self.rig.do(CancelOrder(order.cl_ord_id)))
        elif order is not None and order.ord_type is OrdType.LIMIT:
            price = self._price(order.symbol, order.side, -25)
            wanted = ReplaceOrder(
                order.cl_ord_id, self.rig.key(), plain(order.order_qty), price, "", EVERY_RULE
            )
            self.act("replace", self.rig.do(wanted))

    @rule(path=st.sampled_from(("/v2/account", "/v2/positions", f"{ORDERS}*", "/v2/account/activities")))
    def fail_a_question(self, path: str) -> None:
        self.rig.server.faults.http("reply_status", "GET", path, status=503)
        fired["question"] += 1

    @rule(word=st.sampled_from(("lose", "duplicate", "reorder")), skip=st.integers(0, 3))
    def spoil_the_stream(self, word: str, skip: int) -> None:
        self.rig.server.faults.frame(word, word="[!al]*", skip=skip)
        fired[word] += 1

    @rule(code=st.sampled_from((1000, 1001, 1006, 1011)))
    def close_the_stream(self, code: int) -> None:
        self.run(self.rig.server.trade_stream.close_all(code))
        self.act("close stream", self.rig.quiet())

    @rule(is_back=st.booleans(), seconds=st.sampled_from((1.0, 12.0, 45.0)))
    def lose_the_network(self, is_back: bool, seconds: float) -> None:
        self.run(self.rig.lose_network())
        self.act("no network", self.rig.wait(seconds))
        if is_back:
            self.act("network", self.rig.have_network())

    @rule(seconds=st.sampled_from((0.5, 2.0, 21.0, 36.0)))
    def let_time_pass(self, seconds: float) -> None:
        self.act("time", self.rig.wait(seconds))

    @rule(is_meant=RARELY)
    def halt(self, is_meant: bool) -> None:
        if not is_meant:
            return
        self.act("halt", self.rig.do(HaltTrading("enough")))
        if self.halted_with is None:
            self.halted_with = len(self.rig.ours_at_server())

    @rule()
    def resume(self) -> None:
        self.act("resume", self.rig.do(ResumeTrading("looked at it"), "admin"))
        self.halted_with = None

    @rule(pick=PICK)
    def send_again(self, pick: int) -> None:
        order = self._open(pick, OrdStatus.UNKNOWN)
        if order is not None and self.rig.core.unsettled.may_settle(order.cl_ord_id):
            self.sent_again[order.cl_ord_id] += 1
            self.act("send again", self.rig.do(ResendOrder(order.cl_ord_id)))

    @rule(is_meant=RARELY)
    def crash(self, is_meant: bool) -> None:
        if is_meant:
            self.act("crash", self._crash())

    async def _crash(self) -> None:
        await self.rig.kill()
        await self.rig.start()

    @rule(qty=st.integers(1, 20), cents=CENTS, turns=st.integers(1, 60))
    def crash_in_a_submit(self, qty: int, cents: int, turns: int) -> None:
        wanted, key = draft(qty=qty, price=self._price(AAPL, Side.BUY, cents)), self.rig.key()
        self.decisions[key] = wanted

        async def crash() -> None:
            desk, command = self.rig.core.desk, SubmitOrder(wanted, key, EVERY_RULE)
            task = self.loop.create_task(desk.execute(command, self.rig.actor()))
            await settle(turns)
            task.cancel()
            await asyncio.wait([task])
            await self._crash()

        self.act("crash in a submit", crash())

    @rule()
    def compare(self) -> None:
        self.run(self.rig.reconnect())
        self.run(self.rig.agree())
        fired["compare"] += 1

    @invariant()
    def everything_holds(self) -> None:
        server = self.rig.server
        assert server.exchange.check() == []
        for cl_ord_id, posts in server.journal.posts_by_id().items():
            assert posts <= 1 + self.sent_again[cl_ord_id], cl_ord_id
        new = [each for each in self.rig.ours_at_server().values() if each.replaces is None]
        assert len(new) <= len(self.decisions) + self.closes
        if self.halted_with is not None:
            assert len(self.rig.ours_at_server()) == self.halted_with
        fills = self.run(self.rig.store.read(lambda reader: reader.fills()))
        told = {(fill.exec_id, fill.signed_qty, fill.last_px) for fill in fills if not fill.inferred}
        assert told <= self.rig.executions()
        assert not [text for text in self.rig.alarms() if any(words in text for words in NEVER)]

    def teardown(self) -> None:
        try:
            self.run(self._end())
        finally:
            self.loop.close()
            self.folder.cleanup()

    async def _end(self) -> None:
        try:
            await self.rig.reconnect()
            await self.rig.agree()
            report = await Verifier(self.rig.store).verify()
            assert report.faults == ()
            assert self.rig.server.journal.problems() == []
        finally:
            await self.rig.stop()


@pytest.mark.timeout(0)
def test_core_and_alpaca_agree_after_whatever_came(expected_log) -> None:
    fired.clear()
    count = scale.examples(USUAL_EXAMPLES)

    run_state_machine_as_test(
        AlpacaMachine,
        settings=settings(
            max_examples=count,
            # The same examples in every usual run; new ones in a long run.
            derandomize=count == USUAL_EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

    expected_log.records[:] = [each for each in expected_log.records if each.getMessage() not in MAY_COME]
    assert {"market", "limit", "cancel", "replace", "move market", "time", "crash", "compare"} <= set(fired)
