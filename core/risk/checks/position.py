"""A12 and A16: how much of one symbol may be held, and that no more is sold than is there."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms, Side
from core.risk.facts import Facts
from core.risk.pricing import (
    HUNDRED,
    before_and_after,
    is_capped,
    mark_price,
    open_qty,
    sellable,
    worst_price,
)
from core.risk.results import passed, refused, unknown
from core.risk.words import percent, share_word, shares
from core.risk.words import price as written

_TENTHS = 10


def position_limit(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Hold position, working orders and this order, at the worst price, against the day's first equity.

    It applies only where the order makes the position larger.
    """
    moved = before_and_after(terms, facts)
    if moved is None:
        return unknown(RuleCode.POSITION_LIMIT, f"the position in {terms.symbol}", terms, facts)
    before, after = moved
    if abs(after) <= abs(before):
        return None
    price = worst_holding_price(terms, facts)
    if price is None:
        return unknown(RuleCode.POSITION_LIMIT, f"the quote of {terms.symbol}", terms, facts)
    equity = facts.start_equity
    if equity is None or equity <= 0:
        return unknown(RuleCode.POSITION_LIMIT, "the equity at the start of the day", terms, facts)
    held = abs(after) * price * HUNDRED
    weight = held / equity
    if held <= limits.position_pct * equity:
        text = "The position stays within the limit."
        return passed(RuleCode.POSITION_LIMIT, text, weight, limits.position_pct, Unit.PERCENT)
    text = _text(terms, weight, limits.position_pct, facts)
    figures = (weight, limits.position_pct, Unit.PERCENT)
    return refused(RuleCode.POSITION_LIMIT, text, TicketField.ORDER_QTY, figures)


def sell_held(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse a sale of more than is held and not yet being sold, unless short sales are on (A16).

    A short sale needs the switch in the limits, the broker's leave for the account, and shares to borrow.
    """
    if terms.side is Side.BUY:
        return None
    left = sellable(facts)
    if left is None or facts.position_qty is None or facts.working_sell_qty is None:
        return unknown(RuleCode.SELL_HELD, f"the position in {terms.symbol}", terms, facts)
    qty = open_qty(terms, facts)
    if qty <= left:
        return passed(RuleCode.SELL_HELD, "All that is sold is held.", qty, left, Unit.SHARES)
    if limits.short_sales:
        return _short(terms, facts, (qty, left, Unit.SHARES))
    held, working = max(facts.position_qty, Decimal(0)), facts.working_sell_qty
    text = f"{shares(qty)} are to be sold, but {shares(held)} {share_word(held)} of {terms.symbol} "
    text += "is held" if held == 1 else "are held"
    if working:
        text += f" and {shares(working)} of them already in a working sale"
    text += f": at most {shares(max(left, Decimal(0)))} can be sold."
    return refused(RuleCode.SELL_HELD, text, TicketField.ORDER_QTY, (qty, left, Unit.SHARES))


def _short(terms: OrderTerms, facts: Facts, figures: tuple[Decimal, Decimal, Unit]) -> RuleResult:
    if not facts.may_short:
        text = "The broker does not let this account sell what it does not hold."
    elif facts.instrument is None or not facts.instrument.shortable:
        text = f"No shares of {terms.symbol} can be borrowed, so at most what is held can be sold."
    elif figures[0] % 1:
        text = "A short sale is in whole shares."
    elif figures[1] > 0:
        text = f"Sell the {shares(figures[1])} that are held first; a short sale is an order of its own."
    else:
        return _bid_test(terms, facts) or passed(
            RuleCode.SELL_HELD, "The broker lends what is sold short.", *figures
        )
    return refused(RuleCode.SELL_HELD, text, TicketField.ORDER_QTY, figures)


def _bid_test(terms: OrderTerms, facts: Facts) -> RuleResult | None:
    # Rule 201 of Regulation SHO: after a fall of a tenth since the last close, a short sale needs a price
    # above the best bid for the rest of the day. Of a fall that was made good since, only the broker knows.
    quote = facts.quote
    if quote is None or quote.bid is None:
        return unknown(RuleCode.SELL_HELD, f"the bid of {terms.symbol}", terms, facts)
    if quote.prev_close is None:
        return unknown(RuleCode.SELL_HELD, f"the last close of {terms.symbol}", terms, facts)
    lowest = quote.bid if quote.last is None else min(quote.bid, quote.last)
    if lowest * _TENTHS > quote.prev_close * (_TENTHS - 1):
        return None
    if terms.price is not None and terms.price > quote.bid and not is_capped(terms, facts):
        return None
    text = f"{terms.symbol} has fallen by a tenth since the last close: sold short it needs a limit above "
    text += f"the bid at {written(quote.bid)}."
    field = TicketField.ORD_TYPE if terms.price is None or is_capped(terms, facts) else TicketField.PRICE
    return refused(RuleCode.SELL_HELD, text, field)


def worst_holding_price(terms: OrderTerms, facts: Facts) -> Decimal | None:
    """Return dollars a share at which a holding counts: the order's worst price, or the mark if higher."""
    worst = worst_price(terms, facts.quote)
    mark = mark_price(terms.side, facts.quote)
    if worst is None or mark is None:
        return mark if worst is None else worst
    return max(worst, mark)


def _text(terms: OrderTerms, weight: Decimal, limit: Decimal, facts: Facts) -> str:
    working = facts.working_buy_qty if terms.side is Side.BUY else facts.working_sell_qty
    qty = open_qty(terms, facts)
    text = f"{shares(qty)} more {share_word(qty)} would make {terms.symbol} {percent(weight)} of equity. "
    text += f"The limit is {percent(limit)}"
    return text + (f", counting the {shares(working)} still working." if working else ".")
