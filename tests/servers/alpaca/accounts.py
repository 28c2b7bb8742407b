"""Cash, positions and what open orders reserve of them."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.servers.alpaca.book import ZERO, Book, Execution, Order
from tests.servers.alpaca.market import Market, positive

FIFTY = Decimal(50)


@dataclass(slots=True)
class Position:
    """Shares of one symbol, negative when short, and what one cost on average."""

    qty: Decimal = ZERO
    avg_entry_price: Decimal = ZERO

    def take(self, qty: Decimal, price: Decimal) -> None:
        """Book signed shares at a price: more of the same side averages, less leaves the average."""
        if self.qty * qty >= 0:
            total = self.qty + qty
            cost = self.avg_entry_price * self.qty + price * qty
            self.avg_entry_price = cost / total if total else ZERO
        elif abs(qty) > abs(self.qty):
            self.avg_entry_price = price
        self.qty += qty
        if not self.qty:
            self.avg_entry_price = ZERO


@dataclass(slots=True)
class Account:
    """One account.

    `entries` are all that ever moved cash or shares: ("fill", execution id, shares), ("cash", symbol,
    dollars), ("split", symbol, ratio), ("rename", old symbol and new, shares). Cash and positions must
    follow from them.
    """

    id: str
    number: str
    cash: Decimal
    opening_cash: Decimal
    last_equity: Decimal
    created_ns: int
    multiplier: int = 4
    status: str = "ACTIVE"
    blocks: dict[str, bool] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    entries: list[tuple[str, str, Decimal]] = field(default_factory=list)

    def blocked(self, name: str) -> bool:
        return self.blocks.get(name, False)

    def qty(self, symbol: str) -> Decimal:
        position = self.positions.get(symbol)
        return position.qty if position else ZERO

    def book_fill(self, execution: Execution) -> None:
        self.entries.append(("fill", execution.id, execution.signed_qty))
        self._move(execution)

    def book_cash(self, symbol: str, net_amount: Decimal) -> None:
        self.cash += net_amount
        self.entries.append(("cash", symbol, net_amount))

    def book_split(self, symbol: str, ratio: Decimal) -> None:
        self._split(symbol, ratio)
        self.entries.append(("split", symbol, ratio))

    def book_rename(self, old: str, new: str) -> Decimal:
        """Put a position under another symbol; return its shares."""
        qty = self.qty(old)
        self._rename(old, new)
        self.entries.append(("rename", f"{old} {new}", qty))
        return qty

    def rebuild(self, executions: dict[str, Execution]) -> None:
        """Count again from the entries, after an execution was busted or corrected."""
        self.cash = self.opening_cash
        self.positions = {}
        for kind, reference, value in self.entries:
            if kind == "cash":
                self.cash += value
            elif kind == "split":
                self._split(reference, value)
            elif kind == "rename":
                self._rename(*reference.split())
            elif not executions[reference].busted:
                self._move(executions[reference])

    def _move(self, execution: Execution) -> None:
        self.cash -= execution.signed_qty * execution.price
        position = self.positions.setdefault(execution.symbol, Position())
        position.take(execution.signed_qty, execution.price)
        if not position.qty:
            del self.positions[execution.symbol]

    def _split(self, symbol: str, ratio: Decimal) -> None:
        position = self.positions.get(symbol)
        if position:
            position.qty *= ratio
            position.avg_entry_price /= ratio

    def _rename(self, old: str, new: str) -> None:
        if old in self.positions:
            self.positions[new] = self.positions.pop(old)

    def market_value(self, market: Market, *, long: bool) -> Decimal:
        held = [(s, p.qty) for s, p in self.positions.items() if (p.qty > 0) is long]
        return sum((market.mark(symbol) * qty for symbol, qty in held), ZERO)

    def equity(self, market: Market) -> Decimal:
        return self.cash + self.market_value(market, long=True) + self.market_value(market, long=False)


def reduces(account: Account, order: Order) -> bool:
    """Whether the order is against the position that there is."""
    return account.qty(order.symbol) * order.sign < 0


def held_qty(account: Account, book: Book, symbol: str, *, ignore: Order | None = None) -> Decimal:
    """Shares that open orders against the position have claimed; of two legs the working one counts."""
    claims = (
        order.leaves
        for order in book.open(symbol)
        if order.status != "held" and order is not ignore and reduces(account, order)
    )
    return sum(claims, ZERO)


def available_qty(account: Account, book: Book, symbol: str, *, ignore: Order | None = None) -> Decimal:
    return positive(abs(account.qty(symbol)) - held_qty(account, book, symbol, ignore=ignore))


def cost(market: Market, order: Order) -> Decimal:
    """What the unfilled rest costs at most: the buying power that the order claims."""
    if order.notional is not None:
        return positive(order.notional - order.notional_filled)
    return order.leaves * worst_price(market, order)


def worst_price(market: Market, order: Order) -> Decimal:
    quote = market.quotes[order.symbol]
    if order.is_buy:
        return order.limit_price or collar(order.stop_price or quote.ask)
    return max(order.limit_price or ZERO, quote.ask * Decimal("1.03"))


def collar(price: Decimal) -> Decimal:
    """The price up to which a buy without a limit may go: 4 % more under 50 dollars, else 2.5 %."""
    return price * (Decimal("1.04") if price < FIFTY else Decimal("1.025"))


def reserved(account: Account, book: Book, market: Market, *, ignore: Order | None = None) -> Decimal:
    """Buying power that open orders claim. During a replace the larger of old and new counts."""
    claims = (
        cost(market, order)
        for order in book.open()
        if order.status != "held" and order is not ignore and not reduces(account, order)
    )
    return sum(claims, ZERO)


def buying_power(account: Account, book: Book, market: Market, *, ignore: Order | None = None) -> Decimal:
    open_orders = reserved(account, book, market, ignore=ignore)
    if account.multiplier == 1:
        return positive(account.cash - open_orders)
    long, short = (account.market_value(market, long=side) for side in (True, False))
    return positive(account.multiplier * account.equity(market) - long + short - open_orders)
