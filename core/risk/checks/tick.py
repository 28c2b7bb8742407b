"""A7: whether a price is a whole number of steps, as the tick table says for symbol and date."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.checks.numbers import LABEL
from core.risk.facts import Facts
from core.risk.results import passed, refused, unknown
from core.risk.ticks import around, market_date
from core.risk.words import price as written

_CODE = RuleCode.TICK
_VALID = passed(_CODE, "The price is a whole number of steps.")


def price_tick(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse a limit price between two steps, and name both."""
    return None if terms.price is None else _judge(terms, terms.price, TicketField.PRICE, facts)


def stop_tick(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse a stop price between two steps, and name both."""
    return None if terms.stop_px is None else _judge(terms, terms.stop_px, TicketField.STOP_PX, facts)


def legs_tick(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse a trailing distance, a take profit or a stop loss between two steps."""
    legs = terms.legs
    wanted: list[tuple[Decimal | None, TicketField]] = [(terms.trail_px, TicketField.TRAIL_PX)]
    if legs is not None:
        wanted += [
            (legs.take_profit, TicketField.TAKE_PROFIT),
            (legs.stop_px, TicketField.STOP_LOSS),
            (legs.stop_limit, TicketField.STOP_LOSS_LIMIT),
        ]
    found = [_judge(terms, price, field, facts) for price, field in wanted if price is not None]
    return next((each for each in found if each.outcome is not Outcome.PASS), None)


def _judge(terms: OrderTerms, price: Decimal, field: TicketField, facts: Facts) -> RuleResult:
    known, on = facts.instrument, market_date(facts)
    if known is None or on is None:
        return unknown(_CODE, f"the price step of {terms.symbol}", terms, facts)
    try:
        tick = known.tick_at(price, on)
    except ValueError:  # the table has no line for this price on this date
        return unknown(_CODE, f"the price step of {terms.symbol}", terms, facts)
    if price % tick == 0:
        return _VALID
    valid = " and ".join(written(each) for each in around(price, facts))
    text = f"The {LABEL[field]} {written(price)} is no multiple of {tick:f}: nearby, {valid} would pass."
    return refused(_CODE, text, field, (price, tick, Unit.DOLLARS))
