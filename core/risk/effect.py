"""Before and after: what the order changes once it has filled at its worst."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import EffectLine, EffectName, Unit
from core.domain.terms import OrderTerms, Side
from core.risk.checks.position import worst_holding_price
from core.risk.facts import Facts
from core.risk.pricing import HUNDRED, before_and_after, mark_price, open_qty, worst_cost, worst_price

_ZERO = Decimal(0)


def effect(terms: OrderTerms, limits: Limits, facts: Facts) -> tuple[EffectLine, ...]:
    """Return the five lines; a figure that is not known is None. The numbers of the order are sound."""
    now, after = _holding(terms, facts)
    mark, worst = mark_price(terms.side, facts.quote), worst_price(terms, facts.quote)
    return (
        EffectLine(EffectName.POSITION, Unit.SHARES, now, after),
        _weight(now, after, limits, facts, (mark, worst_holding_price(terms, facts))),
        _gross(terms, limits, facts, (mark, worst_holding_price(terms, facts))),
        _cash(terms, facts, worst),
        _loss_left(terms, limits, facts, (mark, worst)),
    )


def _holding(terms: OrderTerms, facts: Facts) -> tuple[Decimal | None, Decimal | None]:
    held, buying, selling = facts.position_qty, facts.working_buy_qty, facts.working_sell_qty
    if held is None or buying is None or selling is None:
        return None, None
    # What works on the other side is not counted: it may never fill.
    now = held - selling if held < 0 and terms.side is Side.SELL else held + buying
    return now, now + open_qty(terms, facts) * terms.side.sign


def _weight(
    now: Decimal | None,
    after: Decimal | None,
    limits: Limits,
    facts: Facts,
    prices: tuple[Decimal | None, Decimal | None],
) -> EffectLine:
    mark, worst = prices
    shown = _of_equity(_times(now, mark), facts)
    then = _of_equity(_times(after, worst if _grows(now, after) else mark), facts)
    breached = _grows(now, after) and then is not None and then > limits.position_pct
    return EffectLine(EffectName.WEIGHT, Unit.PERCENT, shown, then, breached)


def _gross(
    terms: OrderTerms, limits: Limits, facts: Facts, prices: tuple[Decimal | None, Decimal | None]
) -> EffectLine:
    mark, worst = prices
    moved = before_and_after(terms, facts)
    grown = open_qty(terms, facts) * terms.side.sign if moved is None else abs(moved[1]) - abs(moved[0])
    price = worst if grown > 0 else mark
    after = None
    if facts.gross_exposure is not None and price is not None:
        after = max(facts.gross_exposure + grown * price, _ZERO)
    shown, then = _of_equity(facts.gross_exposure, facts), _of_equity(after, facts)
    breached = grown > 0 and then is not None and then > limits.gross_limit(is_margin=facts.is_margin)
    return EffectLine(EffectName.GROSS_EXPOSURE, Unit.PERCENT, shown, then, breached)


def _cash(terms: OrderTerms, facts: Facts, worst: Decimal | None) -> EffectLine:
    if facts.cash is None or facts.reserved_cash is None:
        return EffectLine(EffectName.BUYING_POWER, Unit.DOLLARS, None, None)
    now, after = facts.cash - facts.reserved_cash, None
    cost = worst_cost(terms, facts)
    if cost is not None:
        after = now - cost
    elif terms.side is Side.SELL and worst is not None:
        after = now + open_qty(terms, facts) * worst * (HUNDRED - facts.fee_rate_pct) / HUNDRED
    breached = terms.side is Side.BUY and after is not None and after < 0
    return EffectLine(EffectName.BUYING_POWER, Unit.DOLLARS, now, after, breached)


def _loss_left(
    terms: OrderTerms, limits: Limits, facts: Facts, prices: tuple[Decimal | None, Decimal | None]
) -> EffectLine:
    now = daily_loss_left(limits, facts.equity, facts.start_equity, facts.day_flows)
    mark, worst = prices
    after = None
    if now is not None and mark is not None and worst is not None:
        slipped = max((worst - mark) * terms.side.sign, _ZERO) * open_qty(terms, facts)
        after = now - slipped - open_qty(terms, facts) * worst * facts.fee_rate_pct / HUNDRED
    return EffectLine(EffectName.DAILY_LOSS_LEFT, Unit.DOLLARS, now, after, after is not None and after < 0)


def daily_loss_left(
    limits: Limits, equity: Decimal | None, start_equity: Decimal | None, flows: Decimal = _ZERO
) -> Decimal | None:
    """Return the dollars that may still be lost today: start x limit + (equity - start - flows)."""
    if equity is None or start_equity is None:
        return None
    return start_equity * limits.daily_loss_pct / HUNDRED + equity - start_equity - flows


def _grows(now: Decimal | None, after: Decimal | None) -> bool:
    return now is not None and after is not None and abs(after) > abs(now)


def _times(qty: Decimal | None, price: Decimal | None) -> Decimal | None:
    if qty == 0:
        return _ZERO
    return None if qty is None or price is None else abs(qty) * price


def _of_equity(value: Decimal | None, facts: Facts) -> Decimal | None:
    start = facts.start_equity
    return None if value is None or start is None or start <= 0 else value * HUNDRED / start
