"""A6: whether the market takes this kind of order now."""

from datetime import time, timedelta
from zoneinfo import ZoneInfo

from core.domain.limits import Limits
from core.domain.market import MarketSession, SessionPhase
from core.domain.risk import RuleCode, RuleResult, TicketField
from core.domain.terms import OrderTerms, OrdType, TimeInForce
from core.risk.facts import Facts
from core.risk.pricing import is_capped
from core.risk.results import passed, refused, unknown

_CODE = RuleCode.SESSION
_OPEN = passed(_CODE, "The market takes this kind of order now.")
# Alpaca: opg is refused from 09:28 and cls from 15:50 (ten minutes before the close) until 19:00.
_LAST_OPG = timedelta(minutes=2)
_LAST_CLS = timedelta(minutes=10)
_EVENING = time(19)
_EXCHANGE_TIME = ZoneInfo("America/New_York")
_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


def session(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse market orders in a halt, and outside regular hours what has no limit price, ioc and fok.

    Orders for an auction are taken up to shortly before it, and again in the evening for the next day. The
    agent orders in regular hours only.
    """
    if facts.session is None:
        return unknown(_CODE, "the market session", terms, facts)
    is_regular = facts.session.phase is SessionPhase.REGULAR
    if limits.regular_hours_only and (not is_regular or terms.extended_hours):
        field = TicketField.EXTENDED_HOURS if terms.extended_hours else TicketField.NONE
        return refused(
            _CODE, "Orders of this kind are taken in regular hours, for regular hours, only.", field
        )
    is_at_market = terms.ord_type is OrdType.MARKET or is_capped(terms, facts)
    if terms.time_in_force.is_auction:
        return _auction(terms, facts.session)
    if not is_regular:
        if is_at_market or not terms.ord_type.has_price:
            text = "Outside regular hours an order needs a limit price: limit or stop limit would pass."
            return refused(_CODE, text, TicketField.ORD_TYPE)
        if terms.time_in_force in _AT_ONCE:
            text = "An order that fills at once or not at all needs regular hours: day or gtc would pass."
            return refused(_CODE, text, TicketField.TIME_IN_FORCE)
    if not is_at_market:
        return _OPEN
    if facts.quote is None:
        return unknown(_CODE, f"the quote of {terms.symbol}", terms, facts)
    if facts.quote.halted:
        text = f"Trading in {terms.symbol} is halted: a limit order may wait for it, a market order may not."
        return refused(_CODE, text, TicketField.ORD_TYPE)
    return _OPEN


def _auction(terms: OrderTerms, session: MarketSession) -> RuleResult:
    is_opening = terms.time_in_force is TimeInForce.OPG
    last = session.opens - _LAST_OPG if is_opening else session.closes - _LAST_CLS
    evening = session.closes.astimezone(_EXCHANGE_TIME)
    evening = evening.replace(hour=_EVENING.hour, minute=0, second=0, microsecond=0)
    if session.now < last or session.now >= evening:
        return _OPEN
    auction = "opening" if is_opening else "closing"
    local = last.astimezone(_EXCHANGE_TIME)
    text = f"The {auction} auction takes orders until {local:%H:%M} New York time, and again from 19:00."
    return refused(_CODE, text, TicketField.TIME_IN_FORCE)
