"""Small makers of values that many tests need; each argument has a plain default."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce

from core.domain.execution import Fill
from core.domain.money import Price, Qty
from core.domain.terms import NewOrderSingle, OrderTerms, OrdType, Side, TimeInForce
from core.ids import ClOrdId, Symbol
from core.portfolio.pnl import DayTrades

AAPL = Symbol("AAPL")
NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


def terms(
    side: Side = Side.BUY,
    qty: int | str = 100,
    price: str | None = None,
    *,
    stop: str | None = None,
    tif: TimeInForce = TimeInForce.DAY,
    symbol: str = AAPL,
) -> OrderTerms:
    """Make an order's body; its type follows from the prices that are given."""
    types = {
        (False, False): OrdType.MARKET,
        (True, False): OrdType.LIMIT,
        (False, True): OrdType.STOP,
        (True, True): OrdType.STOP_LIMIT,
    }
    return OrderTerms(
        symbol=Symbol(symbol),
        side=side,
        ord_type=types[price is not None, stop is not None],
        time_in_force=tif,
        order_qty=Qty(qty),
        price=None if price is None else Price(price),
        stop_px=None if stop is None else Price(stop),
    )


def single(cl_ord_id: str, body: OrderTerms) -> NewOrderSingle:
    """Give a body its id."""
    return NewOrderSingle(ClOrdId(cl_ord_id), body)


def dec(text: str) -> Decimal:
    """Shorten `Decimal` where a test has many of them."""
    return Decimal(text)


def day_trades(fills: Iterable[Fill]) -> DayTrades:
    """Add up the fills of one symbol on one market day."""
    return reduce(DayTrades.with_fill, fills, DayTrades())
