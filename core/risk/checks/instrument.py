"""A5: whether the symbol can be traded, and in parts of a share."""

from decimal import Decimal

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


def instrument(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse unknown symbols, those that are not tradable, and fractions where only whole shares trade."""
    known = facts.instrument
    if known is None:
        if is_exit(terms, facts):
            return _HELD
        return refused(_CODE, f"{terms.symbol} is not a symbol that is traded here.", TicketField.SYMBOL)
    if not known.tradable:
        return refused(_CODE, f"{terms.symbol} takes no orders at present.", TicketField.SYMBOL)
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
