"""The risk parameters in groups, as the editor shows them, and their history in sentences."""

from core.domain.limit_kinds import KINDS
from core.domain.meanings import LIMITS
from core.domain.parameters import ParameterChange, Scope

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "One order",
        (
            "order_qty_soft",
            "order_qty_hard",
            "notional_soft",
            "notional_soft_pct",
            "notional_hard",
            "notional_hard_pct",
            "volume_pct",
            "collar_soft_pct",
            "collar_hard_pct",
            "spread_pct",
        ),
    ),
    (
        "What is held",
        (
            "position_pct",
            "gross_pct",
            "gross_margin_pct",
            "sector_pct",
            "short_sales",
            "restricted",
            "allowed",
        ),
    ),
    ("Losses", ("daily_loss_pct", "drawdown_pct", "losing_streak", "slippage_pct")),
    (
        "Pace",
        (
            "per_second",
            "burst",
            "per_minute",
            "per_day",
            "working_total",
            "working_per_symbol",
            "turnover_pct",
            "entries_max",
            "duplicate_soft_s",
            "duplicate_hard_s",
            "duplicate_hard_count",
            "rejects_max",
            "rejects_s",
        ),
    ),
    (
        "What must be known",
        (
            "account_age_s",
            "positions_age_s",
            "quote_age_s",
            "quote_age_extended_s",
            "clock_skew_s",
            "stale_s",
            "down_s",
            "regular_hours_only",
        ),
    ),
    ("The agent", ("strict", "proposal_s", "proposal_move_pct", "thesis_s")),
)


def label(name: str) -> str:
    """Say what a parameter is, in one line that begins with a capital letter."""
    words = LIMITS[name]
    return words[:1].upper() + words[1:]


def allowed(name: str) -> str:
    """Say what may be typed."""
    return KINDS[name].allowed


def scope_words(scope: Scope) -> str:
    """Say whom a parameter binds."""
    return "everybody" if scope is Scope.ALL else "the agent"


def change_words(change: ParameterChange) -> str:
    """Say one change of the history: from what to what, for whom."""
    from_what = f"{change.before} → " if change.before else ""
    return f"{change.name} of {scope_words(change.scope)}: {from_what}{change.after}"
