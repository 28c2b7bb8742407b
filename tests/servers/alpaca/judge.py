"""Whether the account may have an order: the reasons that depend on what it holds and what is open."""

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.servers.alpaca import accounts
from tests.servers.alpaca.book import Order
from tests.servers.alpaca.refusals import Refusal, forbidden, invalid
from tests.servers.alpaca.wire import money, text

if TYPE_CHECKING:
    from tests.servers.alpaca.exchange import Exchange

LIMITS = ("limit",)


def check_account(ex: "Exchange") -> None:
    account = ex.account
    if account.status != "ACTIVE" or any(account.blocked(b) for b in ("trading_blocked", "account_blocked")):
        raise forbidden("account not allowed to trade")
    if account.configuration.get("suspend_trade"):
        raise forbidden("new orders are rejected by user request")


def check_wash(ex: "Exchange", order: Order) -> None:
    """Refuse what could trade with an open order of the account; complex and trailing orders are exempt."""
    if order.order_class or order.type == "trailing_stop":
        return
    for other in ex.book.open(order.symbol):
        exempt = other.order_class or other.type == "trailing_stop" or other.parent
        if other.side == order.side or exempt or other.status == "held":
            continue
        if order.type in LIMITS and other.type in LIMITS:
            buy, sell = (order, other) if order.is_buy else (other, order)
            if (
                buy.limit_price is not None
                and sell.limit_price is not None
                and buy.limit_price < sell.limit_price
            ):
                continue
        kind = "limit" if other.type in LIMITS else "market/stop"
        raise forbidden(
            "potential wash trade detected. use complex orders",
            existing_order_id=other.id,
            reject_reason=f"opposite side {kind} order exists",
        )


def check_funds(ex: "Exchange", order: Order, *, ignore: Order | None = None) -> None:
    """Refuse shares that are not there or are claimed already, and cost above the buying power.

    `ignore` is the order that this one replaces.
    """
    if accounts.reduces(ex.account, order):
        check_shares(ex, order, ignore=ignore)
        return
    if not order.is_buy:
        check_short(ex, order)
    basis = accounts.cost(ex.market, order)
    if order.is_buy and basis < 1:
        raise invalid("cost basis must be >= minimal amount of order 1", cost_basis=money(basis))
    power = accounts.buying_power(ex.account, ex.book, ex.market, ignore=ignore)
    if basis > power:
        raise forbidden("insufficient buying power", buying_power=money(power), cost_basis=money(basis))


def check_shares(ex: "Exchange", order: Order, *, ignore: Order | None = None) -> None:
    available = accounts.available_qty(ex.account, ex.book, order.symbol, ignore=ignore)
    wanted = order.leaves if order.notional is None else order.notional / ex.market.mark(order.symbol)
    if wanted > available:
        existing = abs(ex.account.qty(order.symbol))
        raise insufficient(order.symbol, wanted, available, existing)


def insufficient(symbol: str, wanted: Decimal, available: Decimal, existing: Decimal) -> Refusal:
    return forbidden(
        f"insufficient qty available for order (requested: {text(wanted)}, available: {text(available)})",
        available=text(available),
        existing_qty=text(existing),
        held_for_orders=text(existing - available),
        symbol=symbol,
    )


def check_short(ex: "Exchange", order: Order) -> None:
    asset = ex.market.assets[order.symbol]
    barred = ex.account.multiplier == 1 or ex.account.configuration.get("no_shorting")
    if barred or not asset["shortable"]:
        raise forbidden(f'asset "{order.symbol}" cannot be sold short')
    if order.notional is not None or order.leaves % 1 != 0:
        raise forbidden("fractional orders cannot be sold short")
