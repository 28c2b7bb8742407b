"""The exchange and its one account: what a client asks for, and what a test does by hand."""

import random
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.servers.alpaca import intake, invariants, life, matching, sessions, wire
from tests.servers.alpaca.accounts import Account
from tests.servers.alpaca.book import Book, Order
from tests.servers.alpaca.clock import SimClock, rfc3339
from tests.servers.alpaca.ledger import Ledger, restore
from tests.servers.alpaca.market import Market, amount, tick_of
from tests.servers.alpaca.refusals import Refusal, not_found

Json = dict[str, Any]


@dataclass(slots=True)
class Settings:
    """What the exchange does by itself; each may be switched off and done by hand (`exchange.hand`).

    `limited_size`: no more trades than the quote shows. `session`: `pre`, `regular`, `post` or `closed`
    whatever the clock says.
    """

    auto_ack: bool = True
    auto_fill: bool = True
    auto_cancel: bool = True
    auto_replace: bool = True
    limited_size: bool = False
    session: str | None = None


@dataclass(slots=True)
class Script:
    """Sizes of the next executions; None in it means all that is left, 0 nothing this time."""

    parts: deque[Decimal | None] = field(default_factory=deque)
    at_once: bool = False

    def next(self) -> Decimal | None:
        return self.parts.popleft() if self.parts else None


class Exchange:
    """Orders, executions, one account and the market. Everything happens inside the call that causes it.

    Listeners hear each trade update as a dictionary, as it stands on the wire.
    """

    def __init__(
        self,
        clock: SimClock | None = None,
        *,
        cash: str = "100000",
        seed: int = 0,
        ledger: Ledger | None = None,
    ) -> None:
        self.clock = clock or SimClock()
        self.settings = Settings()
        self.rng = random.Random(seed)
        self.market = Market(self.clock, seed)
        self.book = Book()
        money = Decimal(cash)
        number = f"PA{self.rng.randrange(10**9):09d}"
        self.account = Account(self.new_id(), number, money, money, money, self.clock.now_ns())
        self.hand = intake.Hand(self)
        self.listeners: list[Callable[[Json], None]] = []
        self.rejections: deque[str] = deque()
        self.scripts: dict[str, Script] = {}
        self.activities: list[Json] = []
        self.touched: set[str] = set()
        self.ledger = ledger
        if ledger is not None:
            restore(self, ledger.rows())

    def new_id(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def session(self) -> str:
        return self.settings.session or sessions.session(self.clock.now_ns())

    def submit(self, body: Json, *, source: str | None = "access_key") -> Json:
        """Take a new order.

        Returns:
            The order as the reply shows it: pending_new, or accepted out of hours.

        Raises:
            Refusal: it was not taken.
        """
        life.roll(self)
        try:
            order = intake.new_order(self, body, source)
        except Refusal as refusal:
            cl_ord_id = body.get("client_order_id") if isinstance(body, dict) else None
            self.commit("refuse", client_order_id=cl_ord_id, status=refusal.status, reply=refusal.body)
            raise
        shown = wire.order_json(order, self.book, nested=True)
        if not life.may_trade_now(self, order):
            shown["status"] = "accepted"
        life.admit(self, order)
        self.commit("submit", client_order_id=order.client_order_id)
        return shown

    def replace(self, order_id: str, body: Json) -> Json:
        """Replace an open order; the answer is the new one."""
        life.roll(self)
        replacement = intake.replace(self, self.order(order_id), body)
        shown = wire.order_json(replacement, self.book, nested=True)
        if self.settings.auto_replace and self.order(order_id).is_open:
            self.hand.finish_replace(order_id)
        self.commit("replace", client_order_id=replacement.client_order_id)
        return shown

    def cancel(self, order_id: str) -> None:
        """Ask for the end of an order.

        Raises:
            Refusal: it is unknown, or cannot be canceled any more.
        """
        life.roll(self)
        intake.request_cancel(self, self.order(order_id))
        self.commit("cancel", order_id=order_id)

    def order(self, order_id: str) -> Order:
        found = self.book.orders.get(order_id) or self.book.by_client.get(order_id)
        if found is None:
            raise not_found(f"order not found for {order_id}")
        return found

    def show(self, order_id: str, *, nested: bool = True) -> Json:
        """The order (by either of its ids) as it stands on the wire."""
        return wire.order_json(self.order(order_id), self.book, nested=nested)

    def quote(
        self, symbol: str, bid: object, ask: object, bid_size: int = 1000, ask_size: int = 1000
    ) -> None:
        """Show a quote, and let what it reaches trade."""
        life.roll(self)
        self.market.show_quote(symbol, amount(bid), amount(ask), bid_size, ask_size)
        matching.match(self, symbol)
        self.commit("quote", symbol=symbol)

    def trade(self, symbol: str, price: object, qty: int = 100) -> None:
        """Print a trade of others: stops are triggered by trades only, limits by quotes only."""
        life.roll(self)
        self.market.show_trade(symbol, amount(price), qty)
        matching.on_trade(self, symbol, amount(price))
        self.commit("trade", symbol=symbol)

    def price(self, symbol: str, price: object) -> None:
        """Move the market to a price: a quote one tick about it, then a trade at it."""
        at = amount(price)
        self.quote(symbol, at - tick_of(at), at + tick_of(at))
        self.trade(symbol, at)

    def halt(self, symbol: str, *, halted: bool = True) -> None:
        """Stop trading in a symbol, or let it go on."""
        self.market.show_status(symbol, halted=halted)
        self.step()

    def roll(self) -> None:
        """Let sessions begin and end and orders expire, as the clock says."""
        life.roll(self)
        self.market.end_minutes()
        self.commit("roll")

    def step(self, seconds: float = 0) -> None:
        """Turn a standing clock on, let sessions begin and end, and try every open order again."""
        if seconds:
            self.clock.advance(seconds)
        self.roll()
        for symbol in sorted({order.symbol for order in self.book.open()}):
            matching.match(self, symbol)
        self.commit("step")

    def partial_fills(self, key: str, parts: list[object], *, at_once: bool = False) -> None:
        """Script the sizes of the next executions of a symbol or a client_order_id; then all fills.

        Each part is used by one pass (a quote, a step), or all in one if `at_once`. None is all, 0 nothing.
        """
        self.scripts[key] = Script(deque(None if part is None else amount(part) for part in parts), at_once)

    def script_of(self, order: Order) -> Script | None:
        for key in (order.client_order_id, order.symbol):
            script = self.scripts.get(key)
            if script is not None and script.parts:
                return script
        return None

    def external_order(self, **body: Any) -> Json:
        """Place an order as the web site does: without an id of the client's."""
        return self.submit({"time_in_force": "day", "type": "market"} | body, source=None)

    def bust(self, execution_id: str) -> None:
        """Take an execution back."""
        intake.amend(self, execution_id, None)
        self.commit("bust", execution_id=execution_id)

    def correct(self, execution_id: str, price: object) -> None:
        """Change the price of an execution."""
        intake.amend(self, execution_id, amount(price))
        self.commit("correct", execution_id=execution_id)

    def pay(self, activity_type: str, net_amount: object, symbol: str = "", **facts: Any) -> None:
        """Book cash that no trade moved (FEE, DIV, CSD, ...), with its activity."""
        intake.book_activity(self, activity_type, amount(net_amount), symbol, facts)
        self.commit("pay", activity_type=activity_type)

    def split(self, symbol: str, ratio: object) -> None:
        """Split a position: `ratio` new shares for each."""
        self.account.book_split(symbol, amount(ratio))
        self.market.marks[symbol] /= amount(ratio)
        self.commit("split", symbol=symbol)

    def rename(self, old: str, new: str, *, is_told: bool = True) -> None:
        """Change a symbol: open orders end, shares go on under the new one, and two NC rows say so."""
        for order in self.book.open(old):
            life.cancel(self, order)
        self.market.rename(old, new)
        qty = self.account.book_rename(old, new)
        if qty and is_told:
            intake.book_rows(self, "NC", [(old, -qty), (new, qty)], f"Name Change {old} to {new}")
        self.commit("rename", symbol=new)

    def check(self) -> list[str]:
        """Say what does not add up; wants to be []."""
        return invariants.check(self)

    def emit(self, event: str, order: Order, **facts: Any) -> None:
        """Tell the listeners a trade update."""
        self.touched.add(order.id)
        shown = wire.order_json(order, self.book)
        at = rfc3339(self.clock.now_ns())
        message = {"event": event, "order": shown, "timestamp": at, **facts}
        for listener in self.listeners:
            listener(message)

    def commit(self, operation: str, **facts: Any) -> None:
        """Write what the operation has changed to the ledger, durably, in one line."""
        if self.ledger is not None and (self.touched or operation not in ("quote", "trade", "step", "roll")):
            self.ledger.write(self, operation, facts)
        self.touched.clear()
