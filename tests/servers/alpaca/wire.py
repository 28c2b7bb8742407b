"""The JSON shapes of the trading API: money is text, times have nine digits."""

from decimal import Decimal
from typing import Any

from tests.servers.alpaca import accounts
from tests.servers.alpaca.accounts import Account
from tests.servers.alpaca.book import ZERO, Book, Execution, Order
from tests.servers.alpaca.clock import moment, rfc3339
from tests.servers.alpaca.market import Market
from tests.servers.alpaca.sessions import NEW_YORK, new_york_day

AVERAGE = Decimal("0.000001")
RATE = Decimal("0.0000000001")


def text(value: Decimal | None) -> str | None:
    """A decimal without exponent and without needless zeros; None stays None."""
    if value is None:
        return None
    digits = format(value, "f")
    return (digits.rstrip("0").rstrip(".") or "0") if "." in digits else digits


def money(value: Decimal) -> str:
    return text(value.quantize(Decimal("0.0001"))) or "0"


def order_json(order: Order, book: Book, *, nested: bool = False) -> dict[str, Any]:
    average = order.filled_avg_price
    times = (
        "created",
        "updated",
        "submitted",
        "filled",
        "expired",
        "expires",
        "canceled",
        "failed",
        "replaced",
    )
    legs = [order_json(leg, book) for leg in book.legs(order)] if nested and order.legs else None
    return {
        "id": order.id,
        "client_order_id": order.client_order_id,
        **{f"{name}_at": rfc3339(getattr(order, f"{name}_ns")) for name in times},
        "replaced_by": order.replaced_by,
        "replaces": order.replaces,
        "asset_id": order.asset_id,
        "symbol": order.symbol,
        "asset_class": "us_equity",
        "notional": text(order.notional),
        "qty": text(order.qty) if order.notional is None else None,
        "filled_qty": text(order.filled_qty),
        "filled_avg_price": None if average is None else text(average.quantize(AVERAGE)),
        "order_class": order.order_class,
        "order_type": order.type,
        "type": order.type,
        "side": order.side,
        "position_intent": order.position_intent,
        "time_in_force": order.time_in_force,
        "limit_price": text(order.limit_price),
        "stop_price": text(order.stop_price),
        "status": order.status,
        "extended_hours": order.extended_hours,
        "legs": legs,
        "trail_percent": text(order.trail_percent),
        "trail_price": text(order.trail_price),
        "hwm": text(order.hwm),
        "subtag": None,
        "source": order.source,
    }


def account_json(account: Account, book: Book, market: Market, now_ns: int) -> dict[str, Any]:
    long, short = (account.market_value(market, long=side) for side in (True, False))
    equity = account.equity(market)
    power = money(accounts.buying_power(account, book, market))
    margin = (long - short) / 2
    return {
        "id": account.id,
        "admin_configurations": {},
        "user_configurations": None,
        "account_number": account.number,
        "status": account.status,
        "crypto_status": "INACTIVE",
        "crypto_tier": 0,
        "options_approved_level": 0,
        "options_trading_level": 0,
        "currency": "USD",
        "buying_power": power,
        "effective_buying_power": power,
        "regt_buying_power": money(max(ZERO, min(2, account.multiplier) * equity - long + short)),
        "non_marginable_buying_power": money(
            max(ZERO, account.cash - accounts.reserved(account, book, market))
        ),
        "options_buying_power": "0",
        "cash": money(account.cash),
        "accrued_fees": "0",
        "pending_reg_taf_fees": "0",
        "intraday_adjustments": "0",
        "portfolio_value": money(equity),
        "equity": money(equity),
        "last_equity": money(account.last_equity),
        "long_market_value": money(long),
        "short_market_value": money(short),
        "position_market_value": money(long - short),
        "initial_margin": money(margin),
        "maintenance_margin": money((long - short) * Decimal("0.3")),
        "last_maintenance_margin": "0",
        "multiplier": str(account.multiplier),
        "sma": money(equity),
        "trading_blocked": account.blocked("trading_blocked"),
        "transfers_blocked": account.blocked("transfers_blocked"),
        "account_blocked": account.blocked("account_blocked"),
        "trade_suspended_by_user": bool(account.configuration.get("suspend_trade")),
        "shorting_enabled": account.multiplier > 1 and not account.configuration.get("no_shorting"),
        "created_at": rfc3339(account.created_ns),
        "balance_asof": str(new_york_day(now_ns)),
    }


def position_json(symbol: str, account: Account, book: Book, market: Market) -> dict[str, Any]:
    position = account.positions[symbol]
    asset, price, close = market.assets[symbol], market.mark(symbol), market.last_close[symbol]
    value, basis = price * position.qty, position.avg_entry_price * position.qty
    profit, today = value - basis, (price - close) * position.qty
    return {
        "asset_id": asset["id"],
        "symbol": symbol,
        "exchange": asset["exchange"],
        "asset_class": "us_equity",
        "asset_marginable": asset["marginable"],
        "qty": text(position.qty),
        "qty_available": text(accounts.available_qty(account, book, symbol).copy_sign(position.qty)),
        "avg_entry_price": text(position.avg_entry_price.quantize(RATE)),
        "side": "long" if position.qty > 0 else "short",
        "market_value": text(value),
        "cost_basis": text(basis.quantize(RATE)),
        "unrealized_pl": text(profit.quantize(RATE)),
        "unrealized_plpc": text((profit / abs(basis)).quantize(RATE)) if basis else "0",
        "unrealized_intraday_pl": text(today.quantize(RATE)),
        "unrealized_intraday_plpc": text((today / abs(close * position.qty)).quantize(RATE)),
        "current_price": text(price),
        "lastday_price": text(close),
        "change_today": text(((price - close) / close).quantize(RATE)),
    }


def fill_activity(execution: Execution) -> dict[str, Any]:
    """A FILL row: it names neither the execution nor the client_order_id."""
    done = execution.order_status == "filled"
    return {
        "id": activity_id(execution.at_ns, execution.id),
        "activity_type": "FILL",
        "transaction_time": f"{moment(execution.at_ns):%Y-%m-%dT%H:%M:%S.%fZ}",
        "type": "fill" if done else "partial_fill",
        "price": text(execution.price),
        "qty": text(execution.qty),
        "side": execution.side,
        "symbol": execution.symbol,
        "leaves_qty": text(execution.leaves_qty),
        "order_id": execution.order_id,
        "cum_qty": text(execution.cum_qty),
        "order_status": execution.order_status,
    }


def activity_id(at_ns: int, unique: str) -> str:
    local = moment(at_ns).astimezone(NEW_YORK)
    return f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03d}::{unique}"
