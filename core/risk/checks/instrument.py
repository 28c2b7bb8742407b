"""A5: whether the symbol can be traded, may be opened here, and in parts of a share."""

from decimal import Decimal

from core.domain.instrument import Instrument
from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import is_exit
from core.risk.results import passed, refused
from core.risk.words import shares

_CODE = RuleCode.INSTRUMENT
_TRADABLE = passed(_CODE, "The symbol is known and can be traded.")
_HELD = RuleResult(
    _CODE, Outcome.NOT_EVALUATED, "Not judged: the symbol is held, but nothing more is known of it."
)
_WHOLE = Decimal(1)
# Trades over the counter have no market whose quotes could be trusted.
_OTC = "OTC"


def instrument(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse symbols that are unknown, not tradable or not allowed, and fractions where whole shares trade.

    A list of symbols, and a broker that takes no orders for one at present, never hold an exit up.
    """
    known = facts.instrument
    if known is None:
        if is_exit(terms, facts):
            return _HELD
        return refused(_CODE, f"{terms.symbol} is not a symbol that is traded here.", TicketField.SYMBOL)
    reason = _why_not_opened(terms, limits, known)
    if reason:
        if is_exit(terms, facts):
            text = f"{reason} The order only lessens the position, so it may go."
            return RuleResult(_CODE, Outcome.NOT_EVALUATED, text)
        return refused(_CODE, reason, TicketField.SYMBOL)
    if terms.is_cash and not known.fractionable:
        text = f"{terms.symbol} trades in whole shares, so it takes no order for an amount."
        return refused(_CODE, text, TicketField.CASH_ORDER_QTY)
    part = terms.order_qty % _WHOLE
    if part and not known.fractionable:
        text = f"{terms.symbol} trades in whole shares: {shares(terms.order_qty - part)} would pass."
        if terms.order_qty < _WHOLE:
            text = f"{terms.symbol} trades in whole shares: the least is 1."
        return refused(
            _CODE, text, TicketField.ORDER_QTY, (terms.order_qty, terms.order_qty - part, Unit.SHARES)
        )
    return _TRADABLE


def _why_not_opened(terms: OrderTerms, limits: Limits, known: Instrument) -> str:
    if not known.tradable:
        return f"{terms.symbol} takes no orders at present."
    if known.exchange.upper() == _OTC:
        return f"{terms.symbol} trades over the counter, and nothing is opened there."
    if terms.symbol in limits.restricted:
        return f"{terms.symbol} is on the restricted list."
    if limits.allowed is not None and terms.symbol not in limits.allowed:
        return f"{terms.symbol} is not on the list of what may be opened this way."
    return ""
