"""A3: whether orders are taken at all."""

from core.domain.access import TradingState
from core.domain.limits import Limits
from core.domain.risk import RuleCode, RuleResult
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import is_exit
from core.risk.results import passed, refused

_CODE = RuleCode.TRADING_STATE
_ACTIVE = passed(_CODE, "Trading is active.")
_EXIT = passed(_CODE, "Positions may only be reduced, and this order reduces one.")
_UNKNOWN = refused(_CODE, "Refused, as the trading state could not be read; it may be halted.")
_HALTED = refused(_CODE, "Trading is halted: no new order is sent until it is resumed. Cancels still go out.")
_REDUCING = refused(
    _CODE,
    "Positions may only be reduced now: a sale of at most what is held and not yet being sold would pass.",
)


def trading_state(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse everything while halted or unknown, and all but proven exits while reducing."""
    state = facts.trading_state
    if state is TradingState.ACTIVE:
        return _ACTIVE
    if state is TradingState.REDUCING:
        return _EXIT if is_exit(terms, facts) else _REDUCING
    return _UNKNOWN if state is None else _HALTED
