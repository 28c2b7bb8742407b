"""A7: whether the numbers of an order are numbers of an order at all."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import open_qty
from core.risk.results import passed, refused
from core.risk.words import dollars, shares

MAX_QTY = Decimal(1_000_000_000)
MAX_PRICE = Decimal(10_000_000)
QTY_DECIMALS = 9
PRICE_DECIMALS = 12

_CODE = RuleCode.NUMBERS
_SOUND = passed(_CODE, "Quantity and prices are sound numbers.")
LABEL = {
    TicketField.PRICE: "limit price",
    TicketField.STOP_PX: "stop price",
    TicketField.TRAIL_PX: "trailing distance",
    TicketField.TRAIL_PCT: "trailing percentage",
    TicketField.CASH_ORDER_QTY: "amount",
    TicketField.TAKE_PROFIT: "take-profit price",
    TicketField.STOP_LOSS: "stop-loss price",
    TicketField.STOP_LOSS_LIMIT: "limit of the stop loss",
}
_MOST_TRAIL_PCT = Decimal(50)


def numbers(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse numbers that are not above zero, too large or too fine, and prices that the type has not."""
    return (
        qty_fault(terms.order_qty)
        or _left_fault(terms, facts)
        or price_fault(terms, TicketField.PRICE, terms.price, wanted=terms.ord_type.has_price)
        or price_fault(terms, TicketField.STOP_PX, terms.stop_px, wanted=terms.ord_type.has_stop)
        or _trail_fault(terms)
        or _legs_fault(terms)
        or _SOUND
    )


def qty_fault(qty: Decimal) -> RuleResult | None:
    """Find what is wrong with a quantity."""
    field = TicketField.ORDER_QTY
    if qty <= 0:
        return refused(_CODE, "The quantity must be above zero.", field, (qty, Decimal(0), Unit.SHARES))
    if qty > MAX_QTY:
        text = f"The quantity is beyond any order: at most {shares(MAX_QTY)} shares are understood."
        return refused(_CODE, text, field, (qty, MAX_QTY, Unit.SHARES))
    if decimals(qty) > QTY_DECIMALS:
        return refused(_CODE, f"The quantity may have at most {QTY_DECIMALS} decimals.", field)
    return None


def price_fault(
    terms: OrderTerms, field: TicketField, price: Decimal | None, *, wanted: bool
) -> RuleResult | None:
    """Find what is wrong with a price, if only that it is there or is not."""
    label, kind = LABEL[field], terms.ord_type.value.replace("_", " ")
    if price is None:
        return refused(_CODE, f"A {kind} order needs a {label}.", field) if wanted else None
    if not wanted:
        return refused(_CODE, f"A {kind} order has no {label}: it must be left empty.", field)
    return sound_price(field, price)


def sound_price(field: TicketField, price: Decimal) -> RuleResult | None:
    """Find what is wrong with the number of a price."""
    label = LABEL[field]
    if price <= 0:
        return refused(_CODE, f"The {label} must be above zero.", field, (price, Decimal(0), Unit.DOLLARS))
    if price > MAX_PRICE:
        text = f"The {label} is beyond any price: at most {dollars(MAX_PRICE)} is understood."
        return refused(_CODE, text, field, (price, MAX_PRICE, Unit.DOLLARS))
    if decimals(price) > PRICE_DECIMALS:
        return refused(_CODE, f"The {label} may have at most {PRICE_DECIMALS} decimals.", field)
    return None


def trail_pct_fault(pct: Decimal) -> RuleResult | None:
    """Find what is wrong with the percentage of a trailing stop."""
    field = TicketField.TRAIL_PCT
    if pct > _MOST_TRAIL_PCT:
        text = f"The {LABEL[field]} may be at most {_MOST_TRAIL_PCT}."
        return refused(_CODE, text, field, (pct, _MOST_TRAIL_PCT, Unit.PERCENT))
    return sound_price(field, pct)


def trail_fault(kind: str, *, has_px: bool, has_pct: bool, wanted: bool) -> RuleResult | None:
    """Find whether a trailing distance is there exactly where the type has one, and once."""
    if wanted and has_px == has_pct:
        text = f"A {kind} order needs a distance, in dollars or in percent: one of the two."
        return refused(_CODE, text, TicketField.TRAIL_PX)
    if not wanted and (has_px or has_pct):
        field = TicketField.TRAIL_PX if has_px else TicketField.TRAIL_PCT
        return refused(_CODE, f"A {kind} order has no {LABEL[field]}: it must be left empty.", field)
    return None


def _trail_fault(terms: OrderTerms) -> RuleResult | None:
    px, pct = terms.trail_px, terms.trail_pct
    kind = terms.ord_type.value.replace("_", " ")
    return (
        trail_fault(kind, has_px=px is not None, has_pct=pct is not None, wanted=terms.ord_type.has_trail)
        or (None if px is None else sound_price(TicketField.TRAIL_PX, px))
        or (None if pct is None else trail_pct_fault(pct))
    )


def _legs_fault(terms: OrderTerms) -> RuleResult | None:
    legs = terms.legs
    if legs is None:
        return None
    return (
        sound_price(TicketField.TAKE_PROFIT, legs.take_profit)
        or sound_price(TicketField.STOP_LOSS, legs.stop_px)
        or (None if legs.stop_limit is None else sound_price(TicketField.STOP_LOSS_LIMIT, legs.stop_limit))
    )


def decimals(value: Decimal) -> int:
    """Count the decimals that matter: trailing zeros do not. The value is finite."""
    fraction = format(value, "f").partition(".")[2]
    return len(fraction.rstrip("0"))


def _left_fault(terms: OrderTerms, facts: Facts) -> RuleResult | None:
    if open_qty(terms, facts) > 0:
        return None
    filled = f"{shares(facts.filled_qty)} of this order are filled already"
    text = f"{filled}: its new quantity must be above that."
    figures = (terms.order_qty, facts.filled_qty, Unit.SHARES)
    return refused(_CODE, text, TicketField.ORDER_QTY, figures)
