"""What an order may cost or be worth, and whether it only lessens what is held."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.market import Quote, SessionPhase
from core.domain.terms import Contingency, OrderTerms, OrdType, Side
from core.risk.facts import Facts

HUNDRED = Decimal(100)
SHORT_RESERVE = Decimal("1.03")


def open_qty(terms: OrderTerms, facts: Facts) -> Decimal:
    """Return the shares that may still fill: a replacement counts those of the old order."""
    return terms.order_qty - facts.filled_qty


def before_and_after(terms: OrderTerms, facts: Facts) -> tuple[Decimal, Decimal] | None:
    """Return the shares held once all that works on this side has filled, without the order and with it.

    Signed; None if unknown. What works on the other side is not counted: it may never fill.
    """
    working = facts.working_buy_qty if terms.side is Side.BUY else facts.working_sell_qty
    if facts.position_qty is None or working is None:
        return None
    before = facts.position_qty + working * terms.side.sign
    return before, before + open_qty(terms, facts) * terms.side.sign


def far_touch(side: Side, quote: Quote | None) -> Decimal | None:
    """Return the price that the order would meet: ask for a purchase, bid for a sale, else the last trade.

    A crossed quote is no reference, nor is a price of zero or less.
    """
    if quote is None:
        return None
    bid, ask, last = quote.bid, quote.ask, quote.last
    touch = ask if side is Side.BUY else bid
    if touch is not None and touch > 0 and (bid is None or ask is None or bid <= ask):
        return touch
    return last if last is not None and last > 0 else None


def spread_pct(quote: Quote | None) -> Decimal | None:
    """Return what bid and ask stand apart, in percent of their middle; None where they are no market."""
    if quote is None or quote.bid is None or quote.ask is None or not 0 < quote.bid <= quote.ask:
        return None
    return (quote.ask - quote.bid) * 2 * HUNDRED / (quote.ask + quote.bid)


def is_capped(terms: OrderTerms, facts: Facts) -> bool:
    """Say whether it was asked for as a market order, and goes out as a limit order (A9)."""
    asked = facts.asked
    return asked is not None and asked.ord_type is OrdType.MARKET and terms.ord_type is OrdType.LIMIT


def mark_price(side: Side, quote: Quote | None) -> Decimal | None:
    """Return the price at which a holding is valued: the last trade, else the far touch."""
    if quote is not None and quote.last is not None and quote.last > 0:
        return quote.last
    return far_touch(side, quote)


def worst_price(terms: OrderTerms, quote: Quote | None) -> Decimal | None:
    """Return the dollars a share at which the order fills at worst; None if nothing is known.

    A limit bounds it. A stop fills at its trigger or, if the market is beyond it, at the far touch. A
    trailing stop triggers at its distance from the market, as far as is known before it moves.
    """
    if terms.price is not None:
        return terms.price
    return worst_without_limit(terms, far_touch(terms.side, quote))


def worst_without_limit(terms: OrderTerms, touch: Decimal | None) -> Decimal | None:
    """Return the same of an order that no limit bounds, by the price that it would meet."""
    if terms.ord_type.has_trail:
        return None if touch is None else trigger_price(terms, touch)
    stop_px = terms.stop_px
    if stop_px is None or touch is None:
        return touch if stop_px is None else stop_px
    is_beyond = touch > stop_px if terms.side is Side.BUY else touch < stop_px
    return touch if is_beyond else stop_px


def trigger_price(terms: OrderTerms, reference: Decimal) -> Decimal:
    """Return where a trailing stop triggers while the market stands at a price; never below zero."""
    away = terms.trail_px if terms.trail_px is not None else reference * (terms.trail_pct or 0) / HUNDRED
    return max(reference + away * terms.side.sign, Decimal(0))


def value_price(terms: OrderTerms, quote: Quote | None) -> Decimal | None:
    """Return the dollars a share at which the size of the order is measured.

    That is its worst price; for a limit sale below the market it is the bid, where it would fill.
    """
    worst = worst_price(terms, quote)
    if terms.side is Side.BUY or terms.price is None or terms.stop_px is not None:
        return worst
    touch = far_touch(terms.side, quote)
    return worst if touch is None else max(terms.price, touch)


def worst_cost(terms: OrderTerms, facts: Facts) -> Decimal | None:
    """Return the dollars that the order can cost at most, fees included; None for a sale or if unknown.

    A short sale costs what the broker holds back for it: the higher of its limit and the ask with three
    percent on top (Alpaca), for the shares that are not held.
    """
    qty, price = open_qty(terms, facts), worst_price(terms, facts.quote)
    if terms.side is Side.SELL:
        left = sellable(facts)
        qty = Decimal(0) if left is None else qty - max(left, Decimal(0))
        ask = far_touch(Side.BUY, facts.quote)
        if qty <= 0 or ask is None:
            return None
        price = max(ask * SHORT_RESERVE, terms.price or Decimal(0))
    if price is None:
        return None
    value = qty * price
    return value + value * facts.fee_rate_pct / HUNDRED


def sellable(facts: Facts) -> Decimal | None:
    """Return the shares that are held and not on their way out; None if unknown."""
    if facts.position_qty is None or facts.working_sell_qty is None:
        return None
    return max(facts.position_qty, Decimal(0)) - facts.working_sell_qty


def is_exit(terms: OrderTerms, facts: Facts) -> bool:
    """Say whether it is proven that the order can only lessen the position.

    A sale of at most what is held and not yet being sold; or a purchase of at most what is owed and
    not yet being bought back. Never one for an amount, whose shares are an estimate; nor one with a bracket,
    whose legs open anew what the entry has closed.
    """
    is_bracket = terms.legs is not None and terms.legs.contingency is Contingency.BRACKET
    if facts.position_qty is None or terms.is_cash or is_bracket:
        return False
    if terms.side is Side.SELL:
        left, working = facts.position_qty, facts.working_sell_qty
    else:
        left, working = -facts.position_qty, facts.working_buy_qty
    return working is not None and open_qty(terms, facts) <= left - working


def quote_limit_s(limits: Limits, facts: Facts) -> float:
    """Return the age in seconds up to which a quote counts as fresh in this phase of the day."""
    if facts.session is None or facts.session.phase is SessionPhase.REGULAR:
        return limits.quote_age_s
    return limits.quote_age_extended_s


def is_quote_fresh(limits: Limits, facts: Facts) -> bool:
    """Say whether there is a quote, and a recent one."""
    age = facts.quote_age_s
    return facts.quote is not None and age is not None and age <= quote_limit_s(limits, facts)
