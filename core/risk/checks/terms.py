"""A7, its second half: whether the parts of an order go together."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import Contingency, Legs, OrderTerms, OrdType, Side, TimeInForce
from core.risk.facts import Facts
from core.risk.pricing import far_touch, is_exit
from core.risk.results import passed, refused
from core.risk.words import dollars
from core.risk.words import price as written

LEAST_CASH = Decimal(1)
_CASH_DECIMALS = 2
# Alpaca: the stop of a bracket stands at least a cent from the base price of the entry.
_LEAST_GAP = Decimal("0.01")

_CODE = RuleCode.TERMS
_TOGETHER = passed(_CODE, "The parts of the order go together.")
_LASTING = (TimeInForce.DAY, TimeInForce.GTC)
_SIMPLE = (OrdType.MARKET, OrdType.LIMIT)


def terms_fit(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse combinations that the market does not know, and name what would do."""
    return (
        _trailing_fault(terms)
        or _auction_fault(terms)
        or _hours_fault(terms)
        or _part_fault(terms)
        or _cash_fault(terms)
        or _legs_fault(terms, facts)
        or _TOGETHER
    )


def _trailing_fault(terms: OrderTerms) -> RuleResult | None:
    if terms.ord_type.has_trail and terms.time_in_force not in _LASTING:
        return _refused("A trailing stop waits: day or gtc would pass.", TicketField.TIME_IN_FORCE)
    return None


def _auction_fault(terms: OrderTerms) -> RuleResult | None:
    if not terms.time_in_force.is_auction or terms.ord_type in _SIMPLE:
        return None
    return _refused("An auction takes market and limit orders only.", TicketField.ORD_TYPE)


def _hours_fault(terms: OrderTerms) -> RuleResult | None:
    if not terms.extended_hours:
        return None
    if terms.ord_type is not OrdType.LIMIT:
        return _refused("Before and after regular hours only limit orders trade.", TicketField.ORD_TYPE)
    if terms.time_in_force not in _LASTING:
        text = "Before and after regular hours an order is good for the day or until canceled."
        return _refused(text, TicketField.TIME_IN_FORCE)
    return None


def _part_fault(terms: OrderTerms) -> RuleResult | None:
    if not terms.is_cash and terms.order_qty % 1 == 0:
        return None
    what = "An order for an amount" if terms.is_cash else "An order for a part of a share"
    if terms.time_in_force is not TimeInForce.DAY:
        return _refused(f"{what} is good for the day only.", TicketField.TIME_IN_FORCE)
    if terms.ord_type.has_trail:
        return _refused(f"{what} cannot trail: a stop would pass.", TicketField.ORD_TYPE)
    return None


def _cash_fault(terms: OrderTerms) -> RuleResult | None:
    cash, field = terms.cash_order_qty, TicketField.CASH_ORDER_QTY
    if cash is None:
        return None
    if cash < LEAST_CASH:
        text = f"The least amount of an order is {dollars(LEAST_CASH)}."
        return refused(_CODE, text, field, (cash, LEAST_CASH, Unit.DOLLARS))
    exponent = cash.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > _CASH_DECIMALS:
        return _refused("An amount is in dollars and cents.", field)
    if terms.ord_type not in _SIMPLE:
        return _refused("An order for an amount is a market or a limit order.", TicketField.ORD_TYPE)
    return None


def _legs_fault(terms: OrderTerms, facts: Facts) -> RuleResult | None:
    legs = terms.legs
    if legs is None:
        return None
    if terms.is_cash or terms.order_qty % 1:
        return _refused("Take profit and stop loss need whole shares.", TicketField.ORDER_QTY)
    if terms.time_in_force not in _LASTING:
        text = "An order with take profit and stop loss is good for the day or until canceled."
        return _refused(text, TicketField.TIME_IN_FORCE)
    if terms.extended_hours:
        text = "Take profit and stop loss work in regular hours only."
        return _refused(text, TicketField.EXTENDED_HOURS)
    if legs.contingency is Contingency.OCO:
        return _oco_fault(terms, legs, facts) or _leg_prices_fault(terms.side, legs)
    return _bracket_fault(terms, legs, facts) or _leg_prices_fault(terms.side.opposite, legs)


def _bracket_fault(terms: OrderTerms, legs: Legs, facts: Facts) -> RuleResult | None:
    if terms.ord_type not in _SIMPLE:
        return _refused("A bracket begins with a market or a limit order.", TicketField.ORD_TYPE)
    if facts.position_qty is not None and facts.position_qty * terms.side.sign < 0:
        # Its legs would open, the other way, what the entry closes.
        text = "A bracket opens a position, and this order closes one: a pair of both legs would pass."
        return _refused(text, TicketField.SIDE)
    base = terms.price if terms.price is not None else far_touch(terms.side, facts.quote)
    if base is None:
        return None  # without a quote other rules refuse it
    if (base - legs.stop_px) * terms.side.sign < _LEAST_GAP:
        where = "below" if terms.side is Side.BUY else "above"
        text = f"The stop loss must be at least {_LEAST_GAP} {where} {written(base)}, where the order begins."
        return refused(_CODE, text, TicketField.STOP_LOSS, (legs.stop_px, base, Unit.DOLLARS))
    if (legs.take_profit - base) * terms.side.sign <= 0:
        where = "above" if terms.side is Side.BUY else "below"
        text = f"The take profit must be {where} {written(base)}, where the order begins."
        return refused(_CODE, text, TicketField.TAKE_PROFIT, (legs.take_profit, base, Unit.DOLLARS))
    return None


def _oco_fault(terms: OrderTerms, legs: Legs, facts: Facts) -> RuleResult | None:
    if terms.ord_type is not OrdType.LIMIT or terms.price != legs.take_profit:
        text = "A pair of take profit and stop loss is a limit order with a stop: the limit takes the profit."
        return _refused(text, TicketField.ORD_TYPE)
    if not is_exit(terms, facts):
        text = "A pair of take profit and stop loss closes what is held; no more than that may be ordered."
        return _refused(text, TicketField.ORDER_QTY)
    return None


def _leg_prices_fault(side: Side, legs: Legs) -> RuleResult | None:
    # `side` is that of the legs: a sale takes its profit above its stop.
    if (legs.stop_px - legs.take_profit) * side.sign <= 0:
        where = "above" if side is Side.SELL else "below"
        text = f"The take profit must be {where} the stop loss at {written(legs.stop_px)}."
        figures = (legs.take_profit, legs.stop_px, Unit.DOLLARS)
        return refused(_CODE, text, TicketField.TAKE_PROFIT, figures)
    if legs.stop_limit is not None and (legs.stop_limit - legs.stop_px) * side.sign < 0:
        where = "at or below" if side is Side.SELL else "at or above"
        text = f"The limit of the stop loss belongs {where} its trigger {written(legs.stop_px)}."
        figures = (legs.stop_limit, legs.stop_px, Unit.DOLLARS)
        return refused(_CODE, text, TicketField.STOP_LOSS_LIMIT, figures)
    return None


def _refused(text: str, field: TicketField) -> RuleResult:
    return refused(_CODE, text, field)
