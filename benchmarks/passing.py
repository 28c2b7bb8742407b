"""Limits under which a loop of orders passes, which the rules of pace and repetition are there to stop."""

from dataclasses import replace
from decimal import Decimal

from core.domain.limits import Limits

# All else is as shipped.
PASSING = replace(
    Limits(),
    per_second=1e6,
    burst=10**6,
    per_minute=10**6,
    per_day=10**6,
    duplicate_soft_s=0.0,
    duplicate_hard_s=0.0,
    duplicate_hard_count=10**6,
    working_total=10**6,
    working_per_symbol=10**6,
    turnover_pct=Decimal(10**6),
)
