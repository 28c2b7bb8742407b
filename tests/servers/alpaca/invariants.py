"""What must be true of the exchange after every step, counted again from the executions."""

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.servers.alpaca.book import TERMINAL, ZERO

if TYPE_CHECKING:
    from tests.servers.alpaca.exchange import Exchange

PENNY_PART = Decimal("0.0000001")


def check(ex: "Exchange") -> list[str]:
    return [*money(ex), *orders(ex)]


def money(ex: "Exchange") -> list[str]:
    """Sum of fills = positions; cash follows from them; cash + market value = equity."""
    wrong = []
    cash, shares = ex.account.opening_cash, defaultdict(lambda: ZERO)
    for kind, reference, value in ex.account.entries:
        if kind == "cash":
            cash += value
        elif kind == "split":
            shares[reference] *= value
        elif kind == "rename":
            old, new = reference.split()
            shares[new] += shares.pop(old, ZERO)
        elif not ex.book.executions[reference].busted:
            execution = ex.book.executions[reference]
            shares[execution.symbol] += execution.signed_qty
            cash -= execution.signed_qty * execution.price
    held = {symbol: qty for symbol, qty in shares.items() if qty}
    shown = {symbol: position.qty for symbol, position in ex.account.positions.items()}
    if held != shown:
        wrong.append(f"fills give {held}, positions are {shown}")
    if abs(cash - ex.account.cash) > PENNY_PART:
        wrong.append(f"fills leave {cash}, cash is {ex.account.cash}")
    value = sum((ex.market.mark(symbol) * qty for symbol, qty in held.items()), ZERO)
    if abs(cash + value - ex.account.equity(ex.market)) > PENNY_PART:
        wrong.append(f"cash and shares are {cash + value}, equity is {ex.account.equity(ex.market)}")
    return wrong


def orders(ex: "Exchange") -> list[str]:
    """No order leaves a terminal state or fills beyond its size; what is filled is what was executed."""
    wrong = []
    for order in ex.book.orders.values():
        executed = sum((e.qty for e in ex.book.executions_of(order)), ZERO)
        if executed != order.filled_qty:
            wrong.append(f"{order.client_order_id}: {executed} executed, {order.filled_qty} filled")
        if order.qty is not None and order.filled_qty > order.qty:
            wrong.append(f"{order.client_order_id}: {order.filled_qty} of {order.qty} filled")
        if any(status in TERMINAL for status in order.history[:-1]):
            wrong.append(f"{order.client_order_id}: left a terminal state: {order.history}")
    return wrong
