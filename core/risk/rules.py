"""The rule table, in the order of the control list."""

from collections.abc import Callable

from msgspec.structs import replace

from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleResult
from core.domain.terms import OrderTerms
from core.risk.checks.cash import buying_power
from core.risk.checks.collar import price_collar, stop_side
from core.risk.checks.crossing import self_trade
from core.risk.checks.exposure import gross_exposure, sector
from core.risk.checks.freshness import freshness
from core.risk.checks.instrument import instrument
from core.risk.checks.loss import daily_loss, drawdown
from core.risk.checks.numbers import numbers
from core.risk.checks.pause import paused
from core.risk.checks.position import position_limit, sell_held
from core.risk.checks.proposal import proposal
from core.risk.checks.repetition import duplicate, throttle
from core.risk.checks.session import session
from core.risk.checks.size import order_notional, order_qty, order_volume
from core.risk.checks.spread import spread
from core.risk.checks.terms import terms_fit
from core.risk.checks.tick import legs_tick, price_tick, stop_tick
from core.risk.checks.trading_state import trading_state
from core.risk.checks.turnover import entries, turnover
from core.risk.checks.working import working_orders
from core.risk.facts import Facts
from core.risk.pricing import is_exit

Rule = Callable[[OrderTerms, Limits, Facts], RuleResult | None]

RULES: tuple[Rule, ...] = (
    trading_state,
    freshness,
    instrument,
    session,
    numbers,
    terms_fit,
    price_tick,
    stop_tick,
    legs_tick,
    price_collar,
    stop_side,
    spread,
    order_qty,
    order_volume,
    order_notional,
    position_limit,
    gross_exposure,
    sector,
    buying_power,
    sell_held,
    self_trade,
    duplicate,
    throttle,
    working_orders,
    turnover,
    entries,
    daily_loss,
    drawdown,
    paused,
    proposal,
)


def judge(terms: OrderTerms, limits: Limits, facts: Facts) -> tuple[RuleResult, ...]:
    """Run every rule; what does not apply is left out.

    Where the numbers are unsound, that is the only finding: no other rule could use them. Where nobody is
    there who could acknowledge anything, what would be asked about is refused, a proven exit aside.
    """
    sound = numbers(terms, limits, facts)
    if sound is not None and sound.outcome is Outcome.HARD:
        return (sound,)
    asked = [sound if rule is numbers else rule(terms, limits, facts) for rule in RULES]
    found = tuple([result for result in asked if result is not None])
    if not limits.strict or is_exit(terms, facts):
        return found
    return tuple(
        [replace(each, outcome=Outcome.HARD) if each.outcome is Outcome.SOFT else each for each in found]
    )
