"""The body of a new order: what it must hold, and the orders that it becomes."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.servers.alpaca.book import Order
from tests.servers.alpaca.refusals import forbidden, invalid, malformed

TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIMES = ("day", "gtc", "opg", "cls", "ioc", "fok")
CLASSES = ("", "simple", "bracket", "oco", "oto")
LONGEST_ID = 128
NEEDS_LIMIT = ("limit", "stop_limit")
NEEDS_STOP = ("stop", "stop_limit")
Body = dict[str, Any]


def number(body: Body, name: str, places: int = 9) -> Decimal | None:
    """A positive number of at most `places` decimals, given as text or as a JSON number."""
    raw = body.get(name)
    if raw is None or raw == "":
        return None
    try:
        value = Decimal(str(raw))
    except InvalidOperation:
        raise malformed(f"{name} is not a number: {raw!r}") from None
    if isinstance(raw, bool) or not value.is_finite() or value <= 0:
        raise invalid(f"{name} must be > 0")
    if value != round(value, places):
        raise invalid(f"{name} must be limited to {places} decimal places")
    return value


def price(body: Body, name: str) -> Decimal | None:
    value = number(body, name)
    if value is not None:
        check_tick(name, value)
    return value


def check_tick(name: str, value: Decimal) -> None:
    places = 2 if value >= 1 else 4
    if value != round(value, places):
        raise invalid(
            f"invalid {name} {value}. sub-penny increment does not fulfill minimum pricing criteria"
        )


def one_of(body: Body, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    value = body.get(name) or default
    if value not in allowed:
        raise invalid(f"invalid {name}: {value!r}")
    return str(value)


@dataclass(slots=True)
class Legs:
    """The exits that a bracket, an OCO or an OTO brings along."""

    take_profit: Decimal | None = None
    stop: Decimal | None = None
    stop_limit: Decimal | None = None


def terms(body: Body) -> dict[str, Any]:
    """The fields of the order itself, each checked alone.

    Raises:
        Refusal: 422, what is wrong first.
    """
    if not isinstance(body, dict):
        raise malformed("request body is not an object")
    if not body.get("symbol"):
        raise invalid("symbol is required")
    client_order_id = body.get("client_order_id") or ""
    if not isinstance(client_order_id, str) or len(client_order_id) > LONGEST_ID:
        raise invalid(f"client_order_id must be no more than {LONGEST_ID} characters")
    order_class = one_of(body, "order_class", CLASSES, "simple")
    return {
        "symbol": str(body["symbol"]),
        "client_order_id": client_order_id,
        "side": one_of(body, "side", ("buy", "sell")),
        "type": one_of(body, "type", TYPES),
        "time_in_force": one_of(body, "time_in_force", TIMES),
        "order_class": "" if order_class == "simple" else order_class,
        "qty": number(body, "qty"),
        "notional": number(body, "notional", 2),
        "limit_price": price(body, "limit_price"),
        "stop_price": price(body, "stop_price"),
        "trail_price": number(body, "trail_price"),
        "trail_percent": number(body, "trail_percent"),
        "extended_hours": bool(body.get("extended_hours")),
        "position_intent": body.get("position_intent"),
    }


def check_size(order: Order, asset: dict[str, Any]) -> None:
    if (order.qty is None) is (order.notional is None):
        raise invalid("one of qty or notional is required")
    fractional = order.notional is not None or (order.qty is not None and order.qty % 1 != 0)
    if not fractional:
        return
    if not asset["fractionable"]:
        raise forbidden(f'asset "{order.symbol}" is not fractionable')
    if order.time_in_force != "day":
        raise invalid("fractional orders must be DAY orders")
    if order.type == "trailing_stop" or (
        order.notional is not None and order.type not in ("market", "limit")
    ):
        raise invalid(f"fractional orders cannot be {order.type} orders")
    if order.order_class:
        raise invalid("fractional orders must be simple orders")


def check_prices(order: Order) -> None:
    needs_limit = order.type in NEEDS_LIMIT and order.order_class != "oco"
    if needs_limit and order.limit_price is None:
        raise invalid(f"{order.type} orders require a limit price")
    if order.type not in NEEDS_LIMIT and order.limit_price is not None:
        raise invalid(f"{order.type} orders must not have a limit price")
    if (order.type in NEEDS_STOP) is (order.stop_price is None):
        raise invalid(
            f"{order.type} orders {'require a' if order.type in NEEDS_STOP else 'must not have a'} stop price"
        )
    trails = sum(value is not None for value in (order.trail_price, order.trail_percent))
    if trails != (order.type == "trailing_stop"):
        raise invalid("trailing_stop orders, and only they, require one of trail_price and trail_percent")


def check_times(order: Order) -> None:
    if order.extended_hours and (order.type != "limit" or order.time_in_force not in ("day", "gtc")):
        raise invalid("extended hours order must be DAY or GTC limit orders")
    if order.type == "trailing_stop" and order.time_in_force not in ("day", "gtc"):
        raise invalid("trailing stop orders must be DAY or GTC orders")
    if order.time_in_force in ("opg", "cls") and order.type not in ("market", "limit"):
        raise invalid(f"{order.time_in_force} orders must be market or limit orders")


def legs_of(body: Body, order: Order) -> Legs:
    """The exits in the body, checked against the class and the side of the order."""
    profit, loss = body.get("take_profit") or {}, body.get("stop_loss") or {}
    legs = Legs(price(profit, "limit_price"), price(loss, "stop_price"), price(loss, "limit_price"))
    present = sum(leg is not None for leg in (legs.take_profit, legs.stop))
    wanted = {"": 0, "oto": 1}.get(order.order_class, 2)
    if present != wanted:
        raise invalid(f"{order.order_class or 'simple'} orders take {wanted} of take_profit and stop_loss")
    if not order.order_class:
        return legs
    if order.time_in_force not in ("day", "gtc"):
        raise invalid("complex orders must be DAY or GTC orders")
    if order.extended_hours:
        raise invalid("complex orders must not be extended hours orders")
    if order.order_class == "oco" and order.type != "limit":
        raise invalid("oco orders must be limit orders")
    check_leg_prices(order, legs)
    return legs


def check_leg_prices(order: Order, legs: Legs) -> None:
    if legs.take_profit is None or legs.stop is None:
        return
    # The exits of a bracket sell what it bought; an OCO is the exit itself.
    sells = order.is_buy if order.order_class == "bracket" else not order.is_buy
    if (legs.take_profit <= legs.stop) if sells else (legs.take_profit >= legs.stop):
        raise invalid("take_profit.limit_price must be beyond stop_loss.stop_price")
    base = order.limit_price if order.order_class == "bracket" else None
    if base is None:
        return
    if abs(base - legs.stop) < Decimal("0.01") or (legs.stop > base if sells else legs.stop < base):
        raise invalid("stop_loss.stop_price must be at least 0.01 from the base price", base_price=str(base))


def check_auction(order: Order, minutes: int, *, is_trading_day: bool) -> None:
    """Refuse opening orders from 09:28 and closing orders from 15:50, both until 19:00 of a trading day.

    `minutes` is the time of day in New York.
    """
    cutoff = {"opg": 9 * 60 + 28, "cls": 15 * 60 + 50}.get(order.time_in_force)
    if cutoff is not None and is_trading_day and cutoff <= minutes < 19 * 60:
        raise invalid(f"{order.time_in_force} orders are rejected at this time of day")


def asset_of(found: dict[str, Any] | None, symbol: str) -> dict[str, Any]:
    if found is None:
        raise invalid(f'asset "{symbol}" not found')
    if found["status"] != "active" or not found["tradable"]:
        raise invalid(f"asset {symbol} is not active")
    return found
