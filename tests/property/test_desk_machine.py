"""Desk, exchange and database together, driven at random: what must hold after every step, holds.

The numbers I1 to I14 are those of the list of order-safety invariants. The exchange's truth is read from its
own ledger file by a parser that shares no code with the program.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from core.adapters.simulator.faults import Call, Faults
from core.audit.verify import Verifier
from core.clock import settle
from core.domain.access import TradingState
from core.domain.audit import AuditHead
from core.domain.execution import Fill
from core.domain.messages import (
    AuditAppended,
    CancelOrder,
    CancelOrders,
    CheckOrder,
    ClosePosition,
    GiveUpOrder,
    HaltTrading,
    KillReport,
    KillTrading,
    LinkState,
    OrderChanged,
    Part,
    Reconnect,
    ReplaceOrder,
    ResendOrder,
    ResumeTrading,
    SubmitOrder,
)
from core.domain.money import Qty
from core.domain.order import TERMINAL, Order, is_legal
from core.domain.portfolio import Position
from core.domain.records import AuditQuery
from core.domain.terms import (
    Contingency,
    NewOrderSingle,
    OrderDraft,
    OrderTerms,
    OrdStatus,
    OrdType,
    Side,
    TimeInForce,
)
from core.errors import InvestIQError, Refused
from core.ids import IdempotencyKey, is_ours
from core.ports.storage import Reader
from tests import builders, scale
from tests.builders import AAPL
from tests.fakes.market import CASH, MSFT
from tests.fakes.oracle import Oracle
from tests.fakes.rig import EVERY_RULE, Rig, draft

USUAL_EXAMPLES = 120
STEPS = 50
MOST = 1_000_000
MAY_COME = {
    "link.lost",
    "stream.suspect",
    "in_flight.unanswered",
    "cancel.unknown",
    "account.unanswered",
    "reconciliation.unanswered",
    "cash_flows.unanswered",
}
NEVER = ("should not happen", "our book says", "more was filled", "not in the broker's book;")

SYMBOLS = st.sampled_from((AAPL, MSFT))
SIDES = st.sampled_from(Side)
PICK = st.integers(0, 50)
CENTS = st.integers(-8, 8)
fired: Counter[str] = Counter()


@dataclass(frozen=True)
class Book:
    """Our side, as the database has it."""

    orders: dict[str, Order]
    fills: tuple[Fill, ...]
    positions: dict[str, Position]
    head: AuditHead
    evidence: frozenset[str]


def _book(known: frozenset[str]) -> Callable[[Reader], Book]:
    def query(reader: Reader) -> Book:
        orders = {order.cl_ord_id: order for order in reader.recent_orders(MOST)}
        ended = {cl_ord_id for cl_ord_id, order in orders.items() if order.ord_status in TERMINAL} - known
        proven = {
            cl_ord_id
            for cl_ord_id in ended
            if orders[cl_ord_id].gave_up
            or reader.executions(cl_ord_id)
            or reader.audit_page(AuditQuery(action="order.changed", cl_ord_id=cl_ord_id))
        }
        positions = {each.symbol: each for each in reader.positions()}
        return Book(orders, reader.fills(), positions, reader.audit_head(), frozenset(proven | known))

    return query


class DeskMachine(RuleBasedStateMachine):
    """One profile, from its first start on.

    Attributes:
        muddy: reports were withheld, so our side may know less than the exchange until the next reconnect.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.rig = Rig(Path(self.folder.name))
        self.muddy = False
        self.halted_with: int | None = None
        self.closings = 0
        self.decisions: dict[IdempotencyKey, OrderDraft] = {}
        self.sent_unwritten: list[str] = []
        self.cum: dict[str, Decimal] = {}
        self.status: dict[str, OrdStatus] = {}
        self.proven: frozenset[str] = frozenset()
        self.seen = 0
        self.run(self._start())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    async def _start(self) -> None:
        self._witness()
        await self.rig.start()

    def _witness(self) -> None:
        broker, machine = self.rig.market.broker, self
        send = broker.submit

        async def submit(order: NewOrderSingle) -> Any:
            stored = await machine.rig.store.read(lambda reader: reader.order(order.cl_ord_id))
            if stored is None or stored.terms != order.terms:
                machine.sent_unwritten.append(order.cl_ord_id)
            return await send(order)

        broker.submit = submit

    def act(self, name: str, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something that may be refused; whatever is refused or unwritten changed nothing."""
        try:
            done = self.run(work)
        except InvestIQError as error:
            if isinstance(error, Refused):
                return None
            raise
        fired[name] += 1
        return done

    def _price(self, symbol: str, side: Side, cents: int) -> str:
        tick = self.rig.market.ticks[symbol]
        near = tick.ask if side is Side.BUY else tick.bid
        return str(near + Decimal(cents) / 100)

    def _open(self, pick: int, *wanted: OrdStatus) -> Order | None:
        found = [
            order for order in self.rig.core.state.orders.open() if not wanted or order.ord_status in wanted
        ]
        return found[pick % len(found)] if found else None

    def _decide(self, name: str, wanted: OrderDraft, key: IdempotencyKey) -> Any:
        self.decisions[key] = wanted
        return self.act(name, self.rig.do(SubmitOrder(wanted, key, EVERY_RULE)))

    @rule(symbol=SYMBOLS, side=SIDES, qty=st.integers(1, 40), tif=st.sampled_from(TimeInForce))
    def submit_market(self, symbol: str, side: Side, qty: int, tif: TimeInForce) -> None:
        self._decide("submit market", draft(side, qty, tif=tif, symbol=symbol), self.rig.key())

    @rule(symbol=SYMBOLS, side=SIDES, qty=st.integers(1, 40), cents=CENTS, tif=st.sampled_from(TimeInForce))
    def submit_limit(self, symbol: str, side: Side, qty: int, cents: int, tif: TimeInForce) -> None:
        price = self._price(symbol, side, cents)
        self._decide("submit limit", draft(side, qty, price, tif=tif, symbol=symbol), self.rig.key())

    @rule(symbol=SYMBOLS, qty=st.integers(1, 20), cents=CENTS)
    def submit_bracket(self, symbol: str, qty: int, cents: int) -> None:
        price = Decimal(self._price(symbol, Side.BUY, cents))
        wanted = replace(
            draft(qty=qty, price=str(price), symbol=symbol), contingency=Contingency.BRACKET,
            take_profit=str(price + Decimal("0.10")), stop_loss=str(price - Decimal("0.10")),
        )  # fmt: skip
        self._decide("submit bracket", wanted, self.rig.key())

    @rule(symbol=SYMBOLS, part=st.integers(1, 3))
    def submit_pair(self, symbol: str, part: int) -> None:
        held = self.rig.core.state.positions.qty(symbol)
        if held <= 0:
            self._decide("submit market", draft(qty=9, symbol=symbol), self.rig.key())
            held = self.rig.core.state.positions.qty(symbol)
        price = Decimal(self._price(symbol, Side.SELL, 10))
        wanted = replace(
            draft(Side.SELL, max(1, int(held) // part), str(price), symbol=symbol),
            contingency=Contingency.OCO, stop_loss=str(price - Decimal("0.25")),
        )  # fmt: skip
        self._decide("submit pair", wanted, self.rig.key())

    @rule(symbol=SYMBOLS, side=SIDES, qty=st.integers(1, 9), cents=st.integers(1, 9))
    def submit_trailing(self, symbol: str, side: Side, qty: int, cents: int) -> None:
        wanted = OrderDraft(
            symbol, side, OrdType.TRAILING_STOP, TimeInForce.DAY, str(qty), trail_px=f"0.0{cents}"
        )
        self._decide("submit trailing", wanted, self.rig.key())

    @rule(flatten=st.booleans(), goes_on=st.booleans())
    def kill(self, flatten: bool, goes_on: bool) -> None:
        report: KillReport = self.run(self._kill(flatten))
        fired["kill"] += 1
        self.closings += len(report.closing)
        oracle = self.rig.oracle()
        if report.is_proven:
            assert not [each for each in oracle.open() if is_ours(each) or each.startswith("LEG-")]
            assert not flatten or not any(oracle.position(symbol) for symbol in (AAPL, MSFT))
        self.halted_with = len(oracle.ours())
        if goes_on:
            self.resume()

    async def _kill(self, flatten: bool) -> KillReport:
        task = await self.rig.begin(KillTrading("enough", flatten))
        for _ in range(120):
            if task.done():
                break
            await self.rig.wait(1, 1)
        done: KillReport = task.result()
        return done

    @rule(symbol=SYMBOLS, qty=st.integers(1, 20), cents=st.integers(1, 8))
    def submit_stop(self, symbol: str, qty: int, cents: int) -> None:
        stop = self._price(symbol, Side.BUY, cents)
        self._decide("submit stop", draft(Side.BUY, qty, stop=stop, symbol=symbol), self.rig.key())

    @rule(qty=st.integers(1, 20), cents=CENTS)
    def submit_twice_at_once(self, qty: int, cents: int) -> None:
        wanted, key = draft(qty=qty, price=self._price(AAPL, Side.BUY, cents)), self.rig.key()
        self.decisions[key] = wanted

        async def both() -> list[object]:
            command = SubmitOrder(wanted, key, EVERY_RULE)
            tasks = [await self.rig.begin(command) for _ in range(2)]
            return await asyncio.gather(*tasks, return_exceptions=True)

        self.act("submit twice at once", both())

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

    @rule(symbol=st.sampled_from((None, AAPL)))
    def cancel_all(self, symbol: Any) -> None:
        self.act("cancel all", self.rig.do(CancelOrders(symbol)))

    @rule(pick=PICK, more=st.integers(-5, 10), cents=CENTS)
    def replace(self, pick: int, more: int, cents: int) -> None:
        self._decide("submit limit", draft(qty=20, price=self._price(AAPL, Side.BUY, -5)), self.rig.key())
        order = self._open(pick, OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED)
        if order is not None and order.ord_type is OrdType.LIMIT:
            price = self._price(order.symbol, order.side, cents)
            qty = str(order.order_qty + more)
            wanted = ReplaceOrder(order.cl_ord_id, self.rig.key(), qty, price, "", EVERY_RULE)
            self.act("replace", self.rig.do(wanted))

    @rule(symbol=SYMBOLS)
    def close_position(self, symbol: Any) -> None:
        if not self.rig.core.state.positions.qty(symbol):
            self._decide("submit market", draft(qty=5, symbol=symbol), self.rig.key())
        self.act("close position", self.rig.do(ClosePosition(symbol, self.rig.key(), EVERY_RULE)))

    @rule(symbol=SYMBOLS, move=st.integers(-10, 10), size=st.integers(1, 15))
    def move_market(self, symbol: str, move: int, size: int) -> None:
        tick = self.rig.market.ticks[symbol]
        shift = Decimal(move) / 100
        self.rig.market.show(
            symbol, bid=tick.bid + shift, ask=tick.ask + shift, bid_size=Qty(size), ask_size=Qty(size),
            last=tick.last + shift, last_size=Qty(size),
        )  # fmt: skip
        self.act("move market", self.rig.quiet())

    @rule(qty=st.integers(1, 10))
    def be_rejected(self, qty: int) -> None:
        # The exchange takes no orders for the stock any more, and nothing has said so yet.
        market = self.rig.market
        market.suspend_unseen(AAPL)
        key = self.rig.key()
        done = self._decide("reject", draft(qty=qty), key)
        market.suspend_unseen(AAPL, suspended=False)
        if done is not None:
            assert self.rig.order(done.order.cl_ord_id).ord_status in (OrdStatus.REJECTED, OrdStatus.UNKNOWN)

    @rule(call=st.sampled_from((Call.SUBMIT, Call.CANCEL, Call.REPLACE)))
    def lose_answer(self, call: Call) -> None:
        self.rig.market.faults.lose_answer(call)
        fired["lose answer"] += 1

    @rule(call=st.sampled_from((Call.SUBMIT, Call.CANCEL, Call.REPLACE)))
    def lose_request(self, call: Call) -> None:
        self.rig.market.faults.lose_request(call)
        fired["lose request"] += 1

    @rule(call=st.sampled_from([call for call in Call if call not in (Call.BARS, Call.INSTRUMENTS)]))
    def be_unavailable(self, call: Call) -> None:
        self.rig.market.faults.be_unavailable(call)
        self.muddy |= call is Call.ACCOUNT
        fired["be unavailable"] += 1

    @rule(count=st.integers(1, 4))
    def duplicate_reports(self, count: int) -> None:
        self.rig.market.faults.duplicate_reports(count)
        fired["duplicate"] += 1

    @rule(count=st.integers(2, 4))
    def reorder_reports(self, count: int) -> None:
        self.rig.market.faults.hold_reports(count)
        self.muddy = True
        fired["reorder"] += 1

    @rule(count=st.integers(1, 2))
    def drop_reports(self, count: int) -> None:
        self.rig.market.faults.drop_reports(count)
        self.muddy = True
        fired["drop"] += 1

    @rule()
    def disconnect(self) -> None:
        self.rig.market.faults.disconnect()
        self.act("disconnect", self.rig.quiet())

    @rule()
    def lose_feed(self) -> None:
        self.rig.market.faults.lose_feed()
        self.act("lose feed", self.rig.quiet())

    @rule(seconds=st.sampled_from((0.5, 2.0, 21.0, 36.0)))
    def let_time_pass(self, seconds: float) -> None:
        self.act("time", self.rig.wait(seconds))

    @rule(hours=st.integers(-2, 2))
    def step_wall_clock(self, hours: int) -> None:
        self.rig.clock._now += timedelta(hours=hours)
        fired["clock step"] += 1

    @rule()
    def reconnect(self) -> None:
        self.run(self._reconnect())
        fired["reconnect"] += 1

    async def _reconnect(self) -> None:
        market = self.rig.market
        calm = Faults()
        for name in ("_lost_requests", "_lost_answers", "_unavailable", "_duplicates", "_drops", "_hold"):
            setattr(market.faults, name, getattr(calm, name))
        market.faults.disconnect()
        # No quote moves meanwhile, for one could fill an order.
        await self.rig.wait(30, 10, refresh=False)
        for part in (Part.ORDERS, Part.FEED):  # many losses in ten minutes end the trying for a while
            if self.rig.core.links.states[part].state is not LinkState.UP:
                await self.rig.do(Reconnect(part))
        await self.rig.until_ready(refresh=False)
        assert self.rig.core.state.ready
        self.muddy = False

    @rule()
    def recover_twice(self) -> None:
        self.run(self._reconnect())
        first = self.run(self._ours())
        self.run(self._reconnect())
        assert self.run(self._ours()) == first  # I11
        fired["recover twice"] += 1

    async def _ours(self) -> object:
        book = await self.rig.store.read(_book(frozenset()))
        orders = {
            cl_ord_id: (order.ord_status, order.cum_qty, order.pending)
            for cl_ord_id, order in book.orders.items()
        }
        return orders, book.fills, book.positions

    @rule()
    def halt(self) -> None:
        self.act("halt", self.rig.do(HaltTrading("enough")))
        if self.halted_with is None:
            self.halted_with = len(self.rig.oracle().ours())

    @rule()
    def resume(self) -> None:
        self.act("resume", self.rig.do(ResumeTrading("looked at it"), "admin"))
        self.halted_with = None

    def _some_unknown(self, pick: int) -> Order | None:
        if self._open(pick, OrdStatus.UNKNOWN) is None:
            self.run(self._reconnect())
            self.resume()
            self.run(self.rig.wait(1))
            self.lose_a_submit(5)
        return self._open(pick, OrdStatus.UNKNOWN)

    @rule(pick=PICK)
    def check_unknown(self, pick: int) -> None:
        order = self._some_unknown(pick)
        if order is not None:
            self.act("check", self.rig.do(CheckOrder(order.cl_ord_id)))

    @rule(pick=PICK, resend=st.booleans())
    def settle_unknown(self, pick: int, resend: bool) -> None:
        order = self._some_unknown(pick)
        if order is None:
            return
        self.run(self.rig.wait(60, 10))
        command = (ResendOrder if resend else GiveUpOrder)(order.cl_ord_id)
        self.act("resend" if resend else "give up", self.rig.do(command))

    @rule(qty=st.integers(1, 10))
    def lose_a_submit(self, qty: int) -> None:
        self.rig.market.faults.lose_request(Call.SUBMIT)
        self._decide("lose request", draft(qty=qty, price=self._price(AAPL, Side.BUY, -4)), self.rig.key())

    @rule(qty=st.integers(1, 10), cents=st.integers(-8, 2))
    def place_elsewhere(self, qty: int, cents: int) -> None:
        with suppress(InvestIQError):
            body: OrderTerms = builders.terms(qty=qty, price=self._price(AAPL, Side.BUY, cents))
            self.rig.market.exchange.place_external(body)
            self.act("external", self.rig.quiet())

    @rule()
    def crash(self) -> None:
        self.run(self._crash())
        fired["crash"] += 1

    async def _crash(self) -> None:
        await self.rig.kill()
        self.muddy = False
        await self._start()
        # A start that meets a mute broker tries again after a while.
        await self.rig.wait(1)

    @rule(qty=st.integers(1, 20), cents=CENTS, turns=st.integers(1, 40))
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

        self.run(crash())
        fired["crash in a submit"] += 1

    @invariant()
    def everything_holds(self) -> None:
        book: Book = self.run(self.rig.store.read(_book(self.proven)))
        oracle = self.rig.oracle()
        self.proven = book.evidence
        self._sent_once(book, oracle)
        self._life_is_legal(book)
        self._halt_holds(oracle)
        self._reserved_is_enough(book, oracle)
        assert {(fill.exec_id, fill.signed_qty) for fill in book.fills} <= {
            (exec_id, qty) for exec_id, (_, _, qty, _) in oracle.fills.items()
        }
        if self.rig.core.state.ready and not self.muddy:
            self._agrees(book, oracle)

    def _sent_once(self, book: Book, oracle: Oracle) -> None:
        assert self.sent_unwritten == []  # I1
        assert oracle.twice == set()  # I2
        for cl_ord_id, body in oracle.ours().items():  # I9
            assert body["order_qty"] == str(book.orders[cl_ord_id].order_qty)
            assert body["symbol"] == book.orders[cl_ord_id].symbol
        new = [cl_ord_id for cl_ord_id in oracle.ours() if oracle.orig[cl_ord_id] is None]
        closes = fired["close position"] + self.closings
        assert len(new) <= len(self.decisions) + closes

    def _life_is_legal(self, book: Book) -> None:
        for cl_ord_id, order in book.orders.items():
            assert order.cum_qty >= self.cum.get(cl_ord_id, 0)  # I5
            assert not order.is_overfilled
            self.cum[cl_ord_id] = order.cum_qty
            if order.ord_status in TERMINAL:
                assert cl_ord_id in book.evidence  # I7
        fresh, self.seen = self.rig.events[self.seen :], len(self.rig.events)
        for event in fresh:
            if isinstance(event, OrderChanged):  # I6
                changed = event.order
                before = self.status.get(changed.cl_ord_id, changed.ord_status)
                assert is_legal(before, changed.ord_status), (before, changed)
                self.status[changed.cl_ord_id] = changed.ord_status
            if isinstance(event, AuditAppended):  # I10
                assert event.records[-1].seq <= book.head.seq
        assert not [text for text in self.rig.alarms() if any(words in text for words in NEVER)]

    def _halt_holds(self, oracle: Oracle) -> None:
        if self.halted_with is not None:  # I8
            assert self.rig.core.state.trading_state is TradingState.HALTED
            assert len(oracle.ours()) == self.halted_with

    def _reserved_is_enough(self, book: Book, oracle: Oracle) -> None:
        for symbol in (AAPL, MSFT):  # I14
            working = self.rig.core.state.orders.working(symbol)
            for side, counted in ((Side.BUY, working.buy_qty), (Side.SELL, working.sell_qty)):
                at_broker = sum(
                    left
                    for cl_ord_id, left in oracle.open().items()
                    if is_ours(cl_ord_id)
                    and (oracle.orders[cl_ord_id]["symbol"], oracle.orders[cl_ord_id]["side"])
                    == (symbol, side.value)
                )
                # What nobody can prove counts as live too.
                in_doubt = sum(
                    order.order_qty - order.cum_qty
                    for order in book.orders.values()
                    if (order.symbol, order.side) == (symbol, side) and order.ord_status is OrdStatus.UNKNOWN
                )
                assert counted >= max(at_broker, in_doubt)

    def _agrees(self, book: Book, oracle: Oracle) -> None:
        for cl_ord_id in oracle.orders:
            order = book.orders[cl_ord_id]
            assert order.cum_qty == oracle.cum.get(cl_ord_id, Decimal(0))
            pending = (OrdStatus.PENDING_CANCEL, OrdStatus.PENDING_REPLACE)
            assert order.ord_status in (oracle.status[cl_ord_id], *pending)
        for cl_ord_id, order in book.orders.items():
            if cl_ord_id not in oracle.orders:
                assert order.ord_status in (OrdStatus.UNKNOWN, OrdStatus.REJECTED, OrdStatus.PENDING_CANCEL)
        assert {fill.exec_id for fill in book.fills} == set(oracle.fills)
        for symbol in {symbol for _, symbol, _, _ in oracle.fills.values()}:  # I3
            assert book.positions[symbol].qty == oracle.position(symbol)
            assert self.rig.core.state.positions.qty(symbol) == oracle.position(symbol)
        if self.rig.core.state.account.account is not None:  # I4
            assert self.rig.core.state.account.cash == oracle.cash
        assert oracle.cash == CASH + sum((flow for *_, flow in oracle.fills.values()), Decimal(0))

    def teardown(self) -> None:
        try:
            self.run(self._end())
        finally:
            self.loop.close()
            self.folder.cleanup()

    async def _end(self) -> None:
        report = await Verifier(self.rig.store).verify()
        await self.rig.stop()
        assert report.faults == ()


@pytest.mark.timeout(0)
def test_desk_exchange_and_database_hold_every_invariant_whatever_comes(expected_log) -> None:
    fired.clear()
    count = scale.examples(USUAL_EXAMPLES)

    run_state_machine_as_test(
        DeskMachine,
        settings=settings(
            max_examples=count,
            # The same examples in every usual run, so that each rule is sure to fire; new ones in a long run.
            derandomize=count == USUAL_EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

    # What comes of the faults that were drawn; anything else in the log fails the test.
    expected_log.records[:] = [each for each in expected_log.records if each.getMessage() not in MAY_COME]
    assert set(fired) == {
        "submit market", "submit limit", "submit stop", "submit twice at once", "decide again", "cancel",
        "cancel all", "replace", "close position", "move market", "reject", "lose answer", "lose request",
        "be unavailable", "duplicate", "reorder", "drop", "disconnect", "lose feed", "time", "clock step",
        "reconnect", "recover twice", "halt", "resume", "check", "resend", "give up", "external", "crash",
        "crash in a submit", "submit bracket", "submit pair", "submit trailing", "kill",
    }  # fmt: skip
    assert all(fired.values())
