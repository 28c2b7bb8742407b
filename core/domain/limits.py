"""The risk parameters: the numbers that orders and the account are held against."""

from dataclasses import dataclass
from decimal import Decimal

from core.domain.money import Qty
from core.ids import Symbol


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers that the rules hold orders against (defaults: control list, manual column).

    Percentages are of equity at the start of the day, or as said. Short sales are off unless they are
    switched on (A16).

    Attributes:
        collar_soft_pct, collar_hard_pct: percent away from the quote that a limit may be (A8).
        spread_pct: percent of the middle price (A9).
        order_qty_soft, order_qty_hard: shares of one order (A10).
        volume_pct: percent of the usual volume of a day (A10).
        notional_soft, notional_hard: dollars of one order (A11), or percent, whichever is less.
        position_pct: percent, one symbol, with all that works (A12).
        gross_pct: percent, all positions without sign (A13); all of it may be invested in a cash account.
        gross_margin_pct: the same where the account may borrow, if that is less (A13).
        sector_pct: percent, one sector (A14).
        duplicate_soft_s, duplicate_hard_s: seconds (A18).
        duplicate_hard_count: equal orders within `duplicate_hard_s` that are too many (A18).
        thesis_s: seconds in which the agent may propose one thesis once (A18).
        per_second, burst, per_minute, per_day: new orders (A19).
        working_total, working_per_symbol: orders that may still fill (A20).
        turnover_pct: percent, dollars bought and sold on one day (A21).
        entries_max: opening orders by automation in one symbol within ten minutes (A21).
        daily_loss_pct: percent (A22).
        drawdown_pct: percent of the peak (A22).
        losing_streak: losing trades in a row (A22).
        proposal_s: seconds that a proposal lives (A24).
        proposal_move_pct: percent that the price may move from a proposal to its sending (A24).
        account_age_s, positions_age_s, quote_age_s, quote_age_extended_s: seconds since receipt (A4).
        clock_skew_s: seconds that our clock may be off (A4).
        rejects_max: rejects of one way in within `rejects_s` seconds (B6).
        slippage_pct: percent that a fill may be worse than the price of the decision (B7).
        stale_s: seconds without a quote of what is held, in the regular session, that trip a breaker (B2).
        down_s: seconds without the order stream that trip a breaker (B2).
        short_sales: whether shares that are not held may be sold (A16).
        regular_hours_only: no orders outside the regular session (A6).
        strict: whoever orders cannot acknowledge anything, so a soft finding refuses.
        restricted: symbols that nobody may open (A5).
        allowed: the only symbols that may be opened (A5); None for all.
    """

    collar_soft_pct: Decimal = Decimal(3)
    collar_hard_pct: Decimal = Decimal(10)
    spread_pct: Decimal = Decimal(2)
    order_qty_soft: Qty = Qty(5_000)
    order_qty_hard: Qty = Qty(20_000)
    volume_pct: Decimal = Decimal(1)
    notional_soft: Decimal = Decimal(25_000)
    notional_soft_pct: Decimal = Decimal(10)
    notional_hard: Decimal = Decimal(100_000)
    notional_hard_pct: Decimal = Decimal(20)
    position_pct: Decimal = Decimal(20)
    gross_pct: Decimal = Decimal(100)
    gross_margin_pct: Decimal = Decimal(80)
    sector_pct: Decimal = Decimal(30)
    daily_loss_pct: Decimal = Decimal(5)
    duplicate_soft_s: float = 5.0
    duplicate_hard_s: float = 60.0
    duplicate_hard_count: int = 3
    per_second: float = 2.0
    burst: int = 5
    per_minute: int = 60
    per_day: int = 500
    working_total: int = 50
    working_per_symbol: int = 10
    account_age_s: float = 60.0
    quote_age_s: float = 5.0
    short_sales: bool = False
    thesis_s: float = 900.0
    turnover_pct: Decimal = Decimal(200)
    entries_max: int = 5
    drawdown_pct: Decimal = Decimal(10)
    losing_streak: int = 3
    proposal_s: float = 900.0
    proposal_move_pct: Decimal = Decimal("0.5")
    positions_age_s: float = 30.0
    quote_age_extended_s: float = 30.0
    clock_skew_s: float = 2.0
    rejects_max: int = 5
    rejects_s: float = 60.0
    slippage_pct: Decimal = Decimal(1)
    stale_s: float = 60.0
    down_s: float = 60.0
    regular_hours_only: bool = False
    strict: bool = False
    restricted: frozenset[Symbol] = frozenset()
    allowed: frozenset[Symbol] | None = None

    def gross_limit(self, *, is_margin: bool) -> Decimal:
        """Return the percent that all positions may come to in an account of this kind (A13)."""
        return min(self.gross_pct, self.gross_margin_pct) if is_margin else self.gross_pct


# The agent column of the control list; where both say something, whichever is tighter holds.
AGENT_LIMITS = Limits(
    collar_soft_pct=Decimal(1),
    collar_hard_pct=Decimal(2),
    order_qty_soft=Qty(500),
    order_qty_hard=Qty(500),
    notional_soft=Decimal(500),
    notional_hard=Decimal(500),
    position_pct=Decimal(5),
    gross_pct=Decimal(30),
    daily_loss_pct=Decimal(3),
    per_minute=6,
    per_day=50,
    working_total=5,
    working_per_symbol=5,
    quote_age_s=2.0,
    quote_age_extended_s=2.0,
    turnover_pct=Decimal(50),
    regular_hours_only=True,
    allowed=frozenset(),
    strict=True,
)
