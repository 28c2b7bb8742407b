"""Whatever is ordered, filled, paid in or out and quoted: no accepted order goes beyond a hard limit.

The desk, the exchange and the database are the real ones. What an order may still come to is worked out from
the exchange's own ledger, by a model that shares no code with the rules.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from core.domain.access import Actor, Origin, TradingState
from core.domain.messages import CancelOrder, ClosePosition, ReplaceOrder, SubmitOrder
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.proposals import Proposal
from core.domain.terms import Contingency, OrderDraft, OrderTerms, OrdType, Side, TimeInForce
from core.errors import Refused
from core.ids import Symbol
from core.orders.drafts import draft_of
from tests import scale
from tests.builders import AAPL
from tests.fakes.market import MSFT
from tests.fakes.rig import EASY, EVERY_RULE, Rig, draft

USUAL_EXAMPLES = 40
STEPS = 40
TIGHT = replace(
    EASY,
    order_qty_soft=Qty(60),
    order_qty_hard=Qty(60),
    notional_soft=Decimal(5_000),
    notional_hard=Decimal(5_000),
    position_pct=Decimal(8),
    gross_pct=Decimal(12),
    turnover_pct=Decimal(20),
    working_total=6,
    working_per_symbol=4,
    entries_max=1_000_000,
    drawdown_pct=Decimal(50),
)
AGENTS = replace(
    TIGHT, notional_soft=Decimal(900), notional_hard=Decimal(900), working_total=2, working_per_symbol=2
)
SYMBOLS = st.sampled_from((AAPL, MSFT))
SIDES = st.sampled_from((Side.BUY, Side.BUY, Side.SELL))
SIZES = st.one_of(st.integers(1, 20), st.integers(1, 70))
fired: Counter[str] = Counter()


@dataclass(frozen=True)
class Truth:
    """What the exchange has, before an order.

    Attributes:
        held: shares by symbol.
        buying: shares and dollars at worst that working purchases may bring, by symbol.
        selling: shares that working sales may take, by symbol.
        worth: dollars that these may bring at most, by symbol.
        working: open orders by symbol; a list counts once.
        traded: dollars of all fills so far.
    """

    cash: Decimal
    held: dict[str, Decimal]
    buying: dict[str, tuple[Decimal, Decimal]]
    selling: dict[str, Decimal]
    worth: dict[str, Decimal]
    working: dict[str, int]
    traded: Decimal


class RiskMachine(RuleBasedStateMachine):
    """One profile with tight limits, whose every decision is held against the model."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.rig = Rig(Path(self.folder.name), limits=TIGHT)
        self.paid_in = Decimal(0)
        self.theses = 0
        self.run(self.rig.start())
        self.rig.core.state.agent_limits = AGENTS

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def truth(self, without: Order | None) -> Truth:
        oracle = self.rig.oracle()
        held = {symbol: oracle.position(symbol) for symbol in (AAPL, MSFT)}
        buying = dict.fromkeys(held, (Decimal(0), Decimal(0)))
        selling, worth, working = (
            dict.fromkeys(held, Decimal(0)),
            dict.fromkeys(held, Decimal(0)),
            Counter[str](),
        )
        open_orders = oracle.open()
        for cl_ord_id, left in open_orders.items():
            body = oracle.orders[cl_ord_id]
            if cl_ord_id.startswith("LEG-") or (without is not None and cl_ord_id == without.cl_ord_id):
                continue
            symbol, tick = body["symbol"], self.rig.market.ticks[Symbol(body["symbol"])]
            working[symbol] += 1
            limit, stop_px = body["price"], body["stop_px"]
            if body["side"] == "buy":
                price = Decimal(limit) if limit else max(Decimal(stop_px or 0), tick.ask)
                shares, dollars = buying[symbol]
                buying[symbol] = shares + left, dollars + left * price
            else:
                selling[symbol] += left
                worth[symbol] += left * max(Decimal(limit or 0), tick.last)
        traded = sum(
            (abs(qty) * self._px(flow, qty) for _, _, qty, flow in oracle.fills.values()), Decimal(0)
        )
        return Truth(oracle.cash + self.paid_in, held, buying, selling, worth, dict(working), traded)

    def _px(self, flow: Decimal, qty: Decimal) -> Decimal:
        # Fees are a few cents; they make what was traded look a little larger or smaller.
        return abs(flow / qty)

    def decide(self, name: str, work: Coroutine[Any, Any, Any], old: Order | None = None) -> None:
        before = self.truth(old)
        loss = self._loss()
        state = self.rig.core.state.trading_state
        try:
            done = self.run(work)
        except Refused:
            fired[f"{name} refused"] += 1
            return
        fired[name] += 1
        self._holds(done.order, before, old, loss, state)

    def _loss(self) -> Decimal:
        account = self.rig.core.state.account.account
        oracle, ticks = self.rig.oracle(), self.rig.market.ticks
        worth = sum((oracle.position(symbol) * ticks[symbol].last for symbol in (AAPL, MSFT)), Decimal(0))
        return account.start_equity + self.paid_in - (oracle.cash + self.paid_in + worth)

    def _holds(
        self, order: Order, before: Truth, old: Order | None, loss: Decimal, state: TradingState | None
    ) -> None:
        terms, symbol, is_agents = order.terms, order.symbol, order.origin is Origin.AGENT
        tick, start = self.rig.market.ticks[symbol], self.rig.core.state.account.account.start_equity
        filled = Decimal(0) if old is None else old.cum_qty
        left = terms.order_qty - filled
        price = terms.price or max(
            terms.stop_px or Decimal(0), tick.ask if order.side is Side.BUY else tick.bid
        )
        most = AGENTS if is_agents else TIGHT
        if order.side is Side.SELL:
            assert left <= before.held[symbol] - before.selling[symbol]
            return
        assert state is TradingState.ACTIVE
        assert loss < start * TIGHT.daily_loss_pct / 100
        assert terms.order_qty <= most.order_qty_hard
        assert terms.order_qty * price <= most.notional_hard
        shares, _ = before.buying[symbol]
        assert (before.held[symbol] + shares + left) * max(
            price, tick.last
        ) <= start * TIGHT.position_pct / 100
        ticks = self.rig.market.ticks
        gross = sum((before.held[each] * ticks[each].last for each in (AAPL, MSFT)), Decimal(0))
        reserved = sum((dollars for _, dollars in before.buying.values()), Decimal(0))
        assert gross + reserved + left * price <= start * TIGHT.gross_pct / 100
        assert before.cash - reserved - left * price >= 0
        traded = before.traded + reserved + sum(before.worth.values(), Decimal(0)) + left * price
        assert traded <= start * TIGHT.turnover_pct / 100 + 1  # a dollar for the fees
        assert sum(before.working.values()) < TIGHT.working_total
        assert before.working.get(symbol, 0) < TIGHT.working_per_symbol
        if is_agents:
            others = [each for each in self.rig.core.state.orders.recent() if each.origin is Origin.AGENT]
            opened = [each for each in others if each.is_open and each.cl_ord_id != order.cl_ord_id]
            assert len(opened) < AGENTS.working_total

    def _price(self, symbol: Symbol, side: Side, cents: int) -> str:
        tick = self.rig.market.ticks[symbol]
        near = tick.ask if side is Side.BUY else tick.bid
        return str(near + Decimal(cents) / 100)

    def submit(self, name: str, wanted: OrderDraft, origin: Origin = Origin.WINDOW) -> None:
        actor = Actor("kim", "trader", origin, "s-1")
        command = SubmitOrder(wanted, self.rig.key(), EVERY_RULE)
        self.decide(name, self._give(self.rig.core.desk.execute(command, actor)))

    async def _give(self, work: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.get_running_loop().create_task(work)
        await self.rig.quiet()
        return await task

    @rule(symbol=SYMBOLS, side=SIDES, qty=SIZES, origin=st.sampled_from((Origin.WINDOW, Origin.API)))
    def submit_market(self, symbol: Symbol, side: Side, qty: int, origin: Origin) -> None:
        self.submit("market", draft(side, qty, symbol=symbol), origin)

    @rule(symbol=SYMBOLS, side=SIDES, qty=SIZES, cents=st.integers(-60, 40))
    def submit_limit(self, symbol: Symbol, side: Side, qty: int, cents: int) -> None:
        self.submit("limit", draft(side, qty, self._price(symbol, side, cents), symbol=symbol))

    @rule(symbol=SYMBOLS, qty=SIZES, cents=st.integers(1, 40))
    def submit_stop(self, symbol: Symbol, qty: int, cents: int) -> None:
        stop = self._price(symbol, Side.BUY, cents)
        self.submit("stop", draft(qty=qty, stop=stop, symbol=symbol))

    @rule(symbol=SYMBOLS, qty=SIZES, cents=st.integers(-40, 0))
    def submit_bracket(self, symbol: Symbol, qty: int, cents: int) -> None:
        price = self._price(symbol, Side.BUY, cents)
        profit, loss = str(Decimal(price) + 9), str(Decimal(price) - 9)
        wanted = replace(
            draft(qty=qty, price=price, symbol=symbol),
            contingency=Contingency.BRACKET,
            take_profit=profit,
            stop_loss=loss,
        )
        self.submit("bracket", wanted)

    @rule(symbol=SYMBOLS, side=SIDES, qty=st.integers(1, 12), cents=st.integers(-30, 5))
    def approve(self, symbol: Symbol, side: Side, qty: int, cents: int) -> None:
        self.theses += 1
        price = Price(self._price(symbol, side, cents))
        terms = OrderTerms(symbol, side, OrdType.LIMIT, TimeInForce.DAY, Qty(qty), price)
        now, last = self.rig.clock.now(), Price(self.rig.market.ticks[symbol].last)
        made = Proposal("p", "momentum", terms, f"{self.theses}", last, now, now + timedelta(minutes=15))
        work = self.rig.core.entry.approve(made, self.rig.key(), self.rig.actor())
        self.decide("approve", self._give(work))

    @rule(pick=st.integers(0, 9), more=st.integers(-10, 40), cents=st.integers(-20, 20))
    def replace(self, pick: int, more: int, cents: int) -> None:
        found = [each for each in self.rig.core.state.orders.open() if each.ord_type is OrdType.LIMIT]
        found = [each for each in found if each.terms.legs is None and each.list_id is None]
        if not found:
            return
        order = found[pick % len(found)]
        changed = draft_of(order.terms)
        price, qty = str(Decimal(changed.price) + Decimal(cents) / 100), str(order.order_qty + more)
        command = ReplaceOrder(order.cl_ord_id, self.rig.key(), qty, price, "", EVERY_RULE)
        self.decide("replace", self.rig.do(command), order)

    @rule(pick=st.integers(0, 9))
    def cancel(self, pick: int) -> None:
        found = self.rig.core.state.orders.open()
        if found:
            self.run(self.rig.do(CancelOrder(found[pick % len(found)].cl_ord_id)))
            fired["cancel"] += 1

    @rule(symbol=SYMBOLS)
    def close_position(self, symbol: Symbol) -> None:
        self.decide("close", self.rig.do(ClosePosition(symbol, self.rig.key(), EVERY_RULE)))

    @rule(symbol=SYMBOLS, move=st.integers(-150, 150), size=st.integers(1, 40))
    def move_market(self, symbol: Symbol, move: int, size: int) -> None:
        tick, shift = self.rig.market.ticks[symbol], Decimal(move) / 100
        self.rig.market.show(
            symbol, bid=Price(tick.bid + shift), ask=Price(tick.ask + shift), last=Price(tick.last + shift),
            bid_size=Qty(size), ask_size=Qty(size), last_size=Qty(size),
        )  # fmt: skip
        self.run(self.rig.quiet())
        fired["quote"] += 1

    @rule(amount=st.sampled_from((-9_000, -500, 700, 20_000)))
    def pay(self, amount: int) -> None:
        self.rig.market.exchange.cashier.move_cash(Money(amount))
        self.paid_in += amount
        self.run(self.rig.wait(35, 5))
        fired["pay"] += 1

    @rule()
    def let_time_pass(self) -> None:
        self.run(self.rig.wait(12, 3))

    def teardown(self) -> None:
        try:
            self.run(self.rig.stop())
        finally:
            self.loop.close()
            self.folder.cleanup()


@pytest.mark.timeout(0)
def test_no_sequence_makes_an_accepted_order_exceed_a_hard_limit(expected_log) -> None:
    fired.clear()
    count = scale.examples(USUAL_EXAMPLES)

    run_state_machine_as_test(
        RiskMachine,
        settings=settings(
            max_examples=count,
            derandomize=count == USUAL_EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

    ways = {"market", "limit", "stop", "bracket", "approve", "replace", "close"}
    assert ways | {"cancel", "quote", "pay"} <= set(fired)
    # Both sides of the limits were met.
    assert {"market refused", "limit refused", "approve refused", "replace refused"} <= set(fired)
