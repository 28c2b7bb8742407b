"""What would pass: valid prices around those given, and the most shares at them."""

from dataclasses import replace

from core.domain.limits import Limits
from core.domain.money import Price, Qty
from core.domain.risk import Nearest, Outcome, RuleCode, RuleResult, TicketField
from core.domain.terms import OrderTerms, Side
from core.risk.checks.collar import collar_bound, price_collar, stop_bound, stop_side
from core.risk.checks.crossing import crossing_bound, self_trade
from core.risk.facts import Facts
from core.risk.pricing import sellable
from core.risk.rules import Rule, judge
from core.risk.ticks import around

# Soft rules that fewer shares satisfy; a suggestion meets these too.
_SIZES = frozenset({RuleCode.ORDER_QTY, RuleCode.ORDER_NOTIONAL, RuleCode.SECTOR})


def nearest(
    terms: OrderTerms, limits: Limits, facts: Facts, results: tuple[RuleResult, ...]
) -> Nearest | None:
    """Find the nearest order that passes; None where none does, or where only time can help.

    Args:
        terms: the order that was refused; its numbers are sound.
        limits: the numbers it was held against.
        facts: what is known.
        results: what the rules said of it.
    """
    fixed, stop_pxs = _valid_stop(terms, limits, facts, results)
    fixed, prices = _valid_price(fixed, limits, facts, results)
    if fixed is not terms and not _is_refused(fixed, limits, facts):
        return Nearest(None, prices, stop_pxs)
    qty = most_that_passes(fixed, limits, facts)
    return None if qty is None else Nearest(qty, prices, stop_pxs)


def most_that_passes(terms: OrderTerms, limits: Limits, facts: Facts) -> Qty | None:
    """Return the most shares, at most those of the order, that pass every rule; None if none do.

    Whole shares, found by halving: more shares never pass where fewer do not. All that can be sold is
    tried first, so that a part of a share can be closed.
    """
    left = sellable(facts) if terms.side is Side.SELL else None
    if left is not None and 0 < left + facts.filled_qty < terms.order_qty:
        whole_lot = Qty(left + facts.filled_qty)
        # Closing all of it is worth a typed quantity: only hard rules may speak against it.
        if not _is_refused(replace(terms, order_qty=whole_lot), limits, facts):
            return whole_lot
    low = int(facts.filled_qty) + 1
    high = int(min(terms.order_qty, limits.order_qty_soft))
    if high < low or not _passes(replace(terms, order_qty=Qty(low)), limits, facts):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if _passes(replace(terms, order_qty=Qty(middle)), limits, facts):
            low = middle
        else:
            high = middle - 1
    return Qty(low)


def _valid_stop(
    terms: OrderTerms, limits: Limits, facts: Facts, results: tuple[RuleResult, ...]
) -> tuple[OrderTerms, tuple[Price, ...]]:
    if terms.stop_px is None or not _is_broken(results, TicketField.STOP_PX):
        return terms, ()
    tried = tuple(replace(terms, stop_px=price) for price in around(terms.stop_px, facts))
    kept = _kept(tried, (stop_side,), limits, facts)
    bound = stop_bound(terms, limits, facts)
    if not kept and bound is not None:
        kept = (replace(terms, stop_px=bound),)
    return _worst_of(terms, kept), tuple(each.stop_px for each in kept if each.stop_px is not None)


def _valid_price(
    terms: OrderTerms, limits: Limits, facts: Facts, results: tuple[RuleResult, ...]
) -> tuple[OrderTerms, tuple[Price, ...]]:
    if terms.price is None or not _is_broken(results, TicketField.PRICE):
        return terms, ()
    tried = tuple(replace(terms, price=price) for price in around(terms.price, facts))
    kept = _kept(tried, (price_collar, self_trade), limits, facts)
    bounds = [each for each in (collar_bound(terms, limits, facts), crossing_bound(terms, facts)) if each]
    nearer = min if terms.side is Side.BUY else max
    bound = nearer(bounds, default=None)
    if not kept and bound is not None:
        kept = (replace(terms, price=bound),)
    return _worst_of(terms, kept), tuple(each.price for each in kept if each.price is not None)


def _is_broken(results: tuple[RuleResult, ...], field: TicketField) -> bool:
    return any(result.field is field and result.outcome is Outcome.HARD for result in results)


def _kept(
    tried: tuple[OrderTerms, ...], rules: tuple[Rule, ...], limits: Limits, facts: Facts
) -> tuple[OrderTerms, ...]:
    return tuple(
        each
        for each in tried
        if all(
            result is None or result.outcome is not Outcome.HARD
            for result in _said(each, rules, limits, facts)
        )
    )


def _said(
    terms: OrderTerms, rules: tuple[Rule, ...], limits: Limits, facts: Facts
) -> tuple[RuleResult | None, ...]:
    return tuple(rule(terms, limits, facts) for rule in rules)


def _worst_of(terms: OrderTerms, kept: tuple[OrderTerms, ...]) -> OrderTerms:
    # Ascending prices: the last costs a purchase the most, so the quantity found holds for all of them.
    return kept[-1] if kept else terms


def _is_refused(terms: OrderTerms, limits: Limits, facts: Facts) -> bool:
    return any(result.outcome is Outcome.HARD for result in judge(terms, limits, facts))


def _passes(terms: OrderTerms, limits: Limits, facts: Facts) -> bool:
    return not any(
        result.outcome is Outcome.HARD or (result.outcome is Outcome.SOFT and result.code in _SIZES)
        for result in judge(terms, limits, facts)
    )
