"""When an order trades, how much of it and at which price."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from tests.servers.alpaca import classes, life
from tests.servers.alpaca.accounts import collar
from tests.servers.alpaca.book import LIVE, Execution, Order
from tests.servers.alpaca.market import tick_of
from tests.servers.alpaca.wire import text

if TYPE_CHECKING:
    from tests.servers.alpaca.exchange import Exchange

SHARE = Decimal("0.000000001")
STOPS = ("stop", "stop_limit", "trailing_stop")


def match(ex: "Exchange", symbol: str) -> None:
    """Try every open order of a symbol, the oldest first."""
    for order in ex.book.open(symbol):
        attempt(ex, order)


def attempt(ex: "Exchange", order: Order, *, fresh: bool = False) -> None:
    """Fill what the quote allows. A fresh order trades at the quote, a resting one at its own limit."""
    ready = order.status in LIVE and ex.settings.auto_fill and life.may_trade_now(ex, order)
    if not ready or order.symbol in ex.market.halted or (order.type in STOPS and not order.triggered):
        return
    while take(ex, order, fresh=fresh):
        pass
    if order.is_open and order.time_in_force in ("ioc", "fok"):
        life.cancel(ex, order)


def take(ex: "Exchange", order: Order, *, fresh: bool) -> bool:
    """One execution, if the quote and the script allow one; true when another should be tried at once."""
    price = marketable_price(ex, order, fresh=fresh)
    if price is None:
        return False
    qty, again = size(ex, order, price)
    if qty <= 0 or (order.time_in_force == "fok" and qty < order.leaves):
        return False
    fill(ex, order, qty, price)
    return again and order.is_open


def marketable_price(ex: "Exchange", order: Order, *, fresh: bool) -> Decimal | None:
    """The price that the order trades at now; None when the quote does not reach its limit."""
    quote = ex.market.quotes[order.symbol]
    offered = quote.ask if order.is_buy else quote.bid
    limit = order.limit_price
    if limit is None and order.type == "stop" and order.is_buy and order.stop_price is not None:
        limit = collar(order.stop_price)
    if limit is None or fresh:
        reached = limit is None or (offered <= limit if order.is_buy else offered >= limit)
        return offered if reached else None
    if order.type == "stop":
        return offered if offered <= limit else None
    reached = offered <= limit if order.is_buy else offered >= limit
    return limit if reached else None


def size(ex: "Exchange", order: Order, price: Decimal) -> tuple[Decimal, bool]:
    """How much trades now, and whether the script wants the next part at once."""
    if order.notional is not None:
        return (order.notional / price).quantize(SHARE, ROUND_DOWN), False
    wanted, again = order.leaves, False
    script = ex.script_of(order)
    if script is not None:
        part = script.next()
        wanted, again = min(wanted, part if part is not None else wanted), script.at_once
    if ex.settings.limited_size:
        quote = ex.market.quotes[order.symbol]
        left = quote.left_ask if order.is_buy else quote.left_bid
        wanted = min(wanted, left)
        if not (order.time_in_force == "fok" and wanted < order.leaves):
            quote.left_ask -= wanted if order.is_buy else 0
            quote.left_bid -= 0 if order.is_buy else wanted
    return wanted, again


def fill(ex: "Exchange", order: Order, qty: Decimal, price: Decimal) -> Execution:
    """Book one execution and tell it."""
    order.filled_qty += qty
    order.notional_filled += qty * price
    if order.notional is not None:
        order.qty = order.filled_qty
    done = order.leaves <= 0
    pending = order.status in ("pending_cancel", "pending_replace")
    status = "filled" if done else order.status if pending else "partially_filled"
    execution = Execution(
        id=ex.new_id(),
        order_id=order.id,
        symbol=order.symbol,
        side=order.side,
        qty=qty,
        price=price,
        at_ns=ex.clock.now_ns(),
        cum_qty=order.filled_qty,
        leaves_qty=order.leaves,
        order_status="filled" if done else "partially_filled",
    )
    ex.book.executions[execution.id] = execution
    ex.account.book_fill(execution)
    facts = {"execution_id": execution.id, "price": text(price), "qty": text(qty)}
    facts["position_qty"] = text(ex.account.qty(order.symbol))
    ex.touched.add(execution.id)
    life.move(ex, order, status, "fill" if done else "partial_fill", **facts)
    classes.after_fill(ex, order)
    return execution


def auction(ex: "Exchange", order: Order) -> None:
    """Fill an opening or closing order at the quote, if its limit allows."""
    price = marketable_price(ex, order, fresh=True)
    if price is not None and order.symbol not in ex.market.halted:
        fill(ex, order, order.leaves, price)


def on_trade(ex: "Exchange", symbol: str, price: Decimal) -> None:
    """Move trailing stops and trigger the stops that a trade has reached; in the regular session only."""
    if ex.session() != "regular":
        return
    for order in ex.book.open(symbol):
        if order.type not in STOPS or order.triggered or not order.is_open:
            continue
        if order.type == "trailing_stop" and order.status in LIVE:
            trail(order, price)
        stop = order.stop_price
        if stop is None or (price < stop if order.is_buy else price > stop):
            continue
        if order.status in LIVE:
            order.triggered = True
            attempt(ex, order, fresh=True)
        elif classes.is_armed(ex, order):
            order.triggered = True
            classes.trigger(ex, order)


def trail(order: Order, price: Decimal) -> None:
    """Move the high water mark (low for a buy) and the stop behind it."""
    mark = order.hwm if order.hwm is not None else price
    order.hwm = min(mark, price) if order.is_buy else max(mark, price)
    distance = order.trail_price or order.hwm * (order.trail_percent or 0) / 100
    stop = order.hwm + distance if order.is_buy else order.hwm - distance
    order.stop_price = stop.quantize(tick_of(stop), ROUND_HALF_UP)
