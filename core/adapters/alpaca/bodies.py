"""From our orders to Alpaca's JSON: every number a decimal text, exactly as it was written ahead."""

from decimal import Decimal
from typing import Any

from core.adapters.alpaca.mapping import OrderView, spelled
from core.domain.terms import (
    Contingency,
    Legs,
    NewOrderList,
    NewOrderSingle,
    OrderCancelReplaceRequest,
    OrderTerms,
    OrdType,
)
from core.errors import BrokerRejected

REFUSED_HERE = "not_replaceable"


def order_body(order: NewOrderSingle | NewOrderList) -> dict[str, Any]:
    """Write what POST /orders is sent."""
    terms = order.terms
    size = ("qty", terms.order_qty) if terms.cash_order_qty is None else ("notional", terms.cash_order_qty)
    body: dict[str, Any] = {
        "symbol": terms.symbol,
        size[0]: spelled(size[1]),
        "side": terms.side.value,
        "type": terms.ord_type.value,
        "time_in_force": terms.time_in_force.value,
        "client_order_id": order.cl_ord_id,
        **_prices(terms),
    }
    if terms.extended_hours:
        body["extended_hours"] = True
    if terms.legs is None:
        return body
    if terms.legs.contingency is Contingency.OCO:
        body.pop("limit_price", None)  # an OCO names its price once, as its take profit
    return body | _list(terms.legs)


def _list(legs: Legs) -> dict[str, Any]:
    stop_loss = _numbers({"stop_price": legs.stop_px, "limit_price": legs.stop_limit})
    return {
        "order_class": legs.contingency.value,
        "take_profit": _numbers({"limit_price": legs.take_profit}),
        "stop_loss": stop_loss,
    }


def _prices(terms: OrderTerms) -> dict[str, str]:
    return _numbers(
        {
            "limit_price": terms.price,
            "stop_price": terms.stop_px,
            "trail_price": terms.trail_px,
            "trail_percent": terms.trail_pct,
        }
    )


def _numbers(values: dict[str, Decimal | None]) -> dict[str, str]:
    return {name: spelled(value) for name, value in values.items() if value is not None}


def replace_body(request: OrderCancelReplaceRequest, known: OrderView) -> dict[str, Any]:
    """Write what PATCH /orders/{id} is sent: a new id and all prices always, the quantity only if it changes.

    Raises:
        BrokerRejected: Alpaca would not replace it, or it is not known what it would do; nothing was sent.
    """
    wanted, has = request.terms, known.terms
    _check_state(known)
    if (wanted.symbol, wanted.side) != (has.symbol, has.side) or not _is_same_type(wanted, has):
        raise _refused("its symbol, side and type stay what they are; cancel it and send a new order")
    if wanted.is_cash or has.is_cash:
        raise _refused("an order over an amount of dollars cannot be replaced; cancel it and send a new one")
    if has.order_qty % 1 or wanted.order_qty % 1:
        raise _refused("an order with a part of a share cannot be replaced; cancel it and send a new one")
    if wanted.extended_hours != has.extended_hours:
        raise _refused(
            "whether it trades outside regular hours cannot be changed; cancel it and send a new one"
        )
    body: dict[str, Any] = {"client_order_id": request.cl_ord_id, **_replaced_prices(wanted)}
    if wanted.time_in_force is not has.time_in_force:
        body["time_in_force"] = wanted.time_in_force.value
    if wanted.order_qty != has.order_qty:
        body["qty"] = spelled(wanted.order_qty)
    return body


def _is_same_type(wanted: OrderTerms, has: OrderTerms) -> bool:
    # Alpaca turns a stop to buy into a stop limit, with a limit of its own choice.
    is_collared = wanted.ord_type is OrdType.STOP and has.ord_type is OrdType.STOP_LIMIT
    return is_collared or wanted.ord_type is has.ord_type


def _check_state(known: OrderView) -> None:
    if known.is_open and not known.is_replaceable:
        raise _refused(f'an order in state "{known.word}" cannot be replaced yet; wait, or cancel it')
    if not known.is_open:
        raise _refused(f'the order is already in "{known.word}" state')
    if known.cum_qty > 0:
        # Whether the new order is for the whole or for the rest is not documented: it could buy twice.
        raise _refused("a part of it has filled; cancel it and send a new order for the rest")


def _replaced_prices(terms: OrderTerms) -> dict[str, str]:
    if terms.ord_type is not OrdType.TRAILING_STOP:
        return _prices(terms)
    trail = terms.trail_px if terms.trail_px is not None else terms.trail_pct
    return _numbers({"trail": trail})


def _refused(why: str) -> BrokerRejected:
    return BrokerRejected(f"not sent: {why}", REFUSED_HERE)


def differences(wanted: OrderTerms, known: OrderView) -> tuple[str, ...]:
    """Name the fields in which an order at Alpaca is not the one that was asked for."""
    has = known.terms
    pairs: dict[str, tuple[object, object]] = {
        "symbol": (wanted.symbol, has.symbol),
        "side": (wanted.side, has.side),
        "time_in_force": (wanted.time_in_force, has.time_in_force),
        "stop_price": (wanted.stop_px, has.stop_px),
        "trail_price": (wanted.trail_px, has.trail_px),
        "trail_percent": (wanted.trail_pct, has.trail_pct),
        "extended_hours": (wanted.extended_hours, has.extended_hours),
        "notional": (wanted.cash_order_qty, has.cash_order_qty),
        "type": (True, _is_same_type(wanted, has)),
    }
    if not wanted.is_cash:
        pairs["qty"] = (wanted.order_qty, has.order_qty)
    if wanted.ord_type is has.ord_type:
        pairs["limit_price"] = (wanted.price, has.price)
    return tuple(name for name, (ours, theirs) in pairs.items() if ours != theirs)
