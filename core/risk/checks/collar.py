"""A8: how far through the market a price may go, and on which side a stop must stand."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.money import Price
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms, Side
from core.risk import ticks
from core.risk.facts import Facts
from core.risk.pricing import HUNDRED, far_touch, is_capped, is_exit, is_quote_fresh
from core.risk.results import breached, passed, refused, unknown
from core.risk.words import percent
from core.risk.words import price as written

_ZERO = Decimal(0)


def price_collar(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Hold a limit price against the far touch; only the side that could hurt is measured.

    A stop limit is held against its own trigger where that is beyond the far touch: it is the market
    of the moment in which the limit begins to work. The limit of a market order is ours (A9), so nobody is
    asked about it, and only its hard bound holds.
    """
    if terms.price is None:
        return None
    reference = collar_reference(terms, limits, facts)
    if reference is None:
        return unknown(RuleCode.PRICE_COLLAR, f"a fresh quote of {terms.symbol}", terms, facts)
    is_ours = is_capped(terms, facts)
    asked_from = limits.collar_hard_pct if is_ours else limits.collar_soft_pct
    through = (terms.price - reference) * terms.side.sign * HUNDRED
    pct = max(through / reference, _ZERO)
    if through > limits.collar_hard_pct * reference:
        outcome, limit = Outcome.HARD, limits.collar_hard_pct
    elif through > asked_from * reference:
        outcome, limit = Outcome.SOFT, asked_from
    else:
        text = "The limit price is close to the market or better."
        return passed(RuleCode.PRICE_COLLAR, text, pct, asked_from, Unit.PERCENT)
    where = "above" if terms.side is Side.BUY else "below"
    text = f"The limit price is {percent(pct)} {where} {written(reference)}; {percent(limit)} is allowed."
    bound = collar_bound(terms, limits, facts)
    if bound is not None:
        text += f" {written(bound)} would pass."
    field = TicketField.ORD_TYPE if is_ours else TicketField.PRICE
    return breached(outcome, RuleCode.PRICE_COLLAR, text, field, (pct, limit, Unit.PERCENT))


def stop_side(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse a stop that would trigger at once: a buy stop belongs above the market, a sell stop below."""
    if terms.stop_px is None:
        return None
    touch = _touch(terms, limits, facts)
    if touch is None:
        return unknown(RuleCode.STOP_SIDE, f"a fresh quote of {terms.symbol}", terms, facts)
    if (terms.stop_px - touch) * terms.side.sign > 0:
        return passed(
            RuleCode.STOP_SIDE, "The stop is on its side of the market.", terms.stop_px, touch, Unit.DOLLARS
        )
    where = "above" if terms.side is Side.BUY else "below"
    text = (
        f"A {terms.side.value} stop belongs {where} the market at {written(touch)}: it would trigger at once."
    )
    bound = stop_bound(terms, limits, facts)
    if bound is not None:
        text += f" {written(bound)} would pass."
    return refused(RuleCode.STOP_SIDE, text, TicketField.STOP_PX, (terms.stop_px, touch, Unit.DOLLARS))


def collar_reference(terms: OrderTerms, limits: Limits, facts: Facts) -> Decimal | None:
    """Return the dollars that a limit price is held against; None if unknown."""
    touch = _touch(terms, limits, facts)
    if touch is None or terms.stop_px is None:
        return touch
    return max(touch, terms.stop_px) if terms.side is Side.BUY else min(touch, terms.stop_px)


def collar_bound(terms: OrderTerms, limits: Limits, facts: Facts) -> Price | None:
    """Return the valid limit price furthest through the market that needs no acknowledgement."""
    reference = collar_reference(terms, limits, facts)
    if reference is None:
        return None
    furthest = reference * (HUNDRED + limits.collar_soft_pct * terms.side.sign) / HUNDRED
    if terms.side is Side.BUY:
        return ticks.at_most(furthest, facts)
    return ticks.at_least(furthest, facts)


def stop_bound(terms: OrderTerms, limits: Limits, facts: Facts) -> Price | None:
    """Return the valid stop price that is closest to the market."""
    touch = _touch(terms, limits, facts)
    return None if touch is None else ticks.beyond(touch, facts, terms.side.sign)


def _touch(terms: OrderTerms, limits: Limits, facts: Facts) -> Decimal | None:
    # An old quote is no reference. Where it denies anyway, the rule still shows its figure; where the
    # order is an exit, an old quote must not stand in its way.
    if not is_quote_fresh(limits, facts) and is_exit(terms, facts):
        return None
    return far_touch(terms.side, facts.quote)
