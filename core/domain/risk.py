"""What a judgement on an order is made of."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

import msgspec

from core.domain.money import Price, Qty


class RuleCode(StrEnum):
    """The rules; the letter and number are those of the control list."""

    ROLE = "role"  # A2
    TRADING_STATE = "trading_state"  # A3
    FACTS = "facts"  # A4
    INSTRUMENT = "instrument"  # A5
    SESSION = "session"  # A6
    NUMBERS = "numbers"  # A7
    TERMS = "terms"  # A7
    TICK = "tick"  # A7
    PRICE_COLLAR = "price_collar"  # A8
    STOP_SIDE = "stop_side"  # A8
    SPREAD = "spread"  # A9
    ORDER_QTY = "order_qty"  # A10
    ORDER_VOLUME = "order_volume"  # A10
    ORDER_NOTIONAL = "order_notional"  # A11
    POSITION_LIMIT = "position_limit"  # A12
    GROSS_EXPOSURE = "gross_exposure"  # A13
    SECTOR = "sector"  # A14
    BUYING_POWER = "buying_power"  # A15
    SELL_HELD = "sell_held"  # A16
    SELF_TRADE = "self_trade"  # A17
    DUPLICATE = "duplicate"  # A18
    THROTTLE = "throttle"  # A19
    WORKING_ORDERS = "working_orders"  # A20
    TURNOVER = "turnover"  # A21
    ENTRIES = "entries"  # A21
    DAILY_LOSS = "daily_loss"  # A22
    DRAWDOWN = "drawdown"  # A22
    PAUSED = "paused"  # A22, B6, B7
    PROPOSAL = "proposal"  # A24


class Outcome(StrEnum):
    """What a rule found."""

    PASS = "pass"  # noqa: S105 - not a password
    SOFT = "soft"
    HARD = "hard"
    NOT_EVALUATED = "not_evaluated"


class Unit(StrEnum):
    """What the numbers of a rule count."""

    DOLLARS = "dollars"
    SHARES = "shares"
    PERCENT = "percent"
    COUNT = "count"
    SECONDS = "seconds"
    NONE = "none"


class TicketField(StrEnum):
    """Where on a ticket a refusal belongs."""

    SYMBOL = "symbol"
    SIDE = "side"
    ORD_TYPE = "ord_type"
    TIME_IN_FORCE = "time_in_force"
    ORDER_QTY = "order_qty"
    PRICE = "price"
    STOP_PX = "stop_px"
    TRAIL_PX = "trail_px"
    TRAIL_PCT = "trail_pct"
    CASH_ORDER_QTY = "cash_order_qty"
    EXTENDED_HOURS = "extended_hours"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"
    STOP_LOSS_LIMIT = "stop_loss_limit"
    NONE = "none"


class RuleResult(msgspec.Struct, frozen=True):
    """What one rule says of one order.

    Every judgement makes some twenty-five; a frozen dataclass takes three times as long to make.

    Attributes:
        code: which rule.
        outcome: pass, soft (needs an acknowledgement), hard (refused) or not evaluated (n/a).
        text: one plain sentence: what was expected, what was found.
        value: the measured number, None if there is none.
        limit: the number it was held against.
        unit: of both.
        field: where on the ticket it belongs.
    """

    code: RuleCode
    outcome: Outcome
    text: str
    value: Decimal | None = None
    limit: Decimal | None = None
    unit: Unit = Unit.NONE
    field: TicketField = TicketField.NONE


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest order that would pass: only what differs is set.

    Attributes:
        order_qty: the most shares that pass.
        prices: valid limit prices around the one given.
        stop_pxs: valid stop prices around the one given.
    """

    order_qty: Qty | None = None
    prices: tuple[Price, ...] = ()
    stop_pxs: tuple[Price, ...] = ()


class EffectName(StrEnum):
    """The lines of before and after."""

    POSITION = "position"
    WEIGHT = "weight"
    GROSS_EXPOSURE = "gross_exposure"
    BUYING_POWER = "buying_power"
    DAILY_LOSS_LEFT = "daily_loss_left"


class EffectLine(msgspec.Struct, frozen=True):
    """One figure now, and after the order filled at its worst; None is unknown."""

    name: EffectName
    unit: Unit
    now: Decimal | None
    after: Decimal | None
    breached: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every rule that applies, with its number.

    Attributes:
        results: in the order of the control list.
        effect: before and after.
        nearest: what would pass; None when the order passes or nothing would.
        worst_cost: dollars that the order can cost at most, fees included; None for a sale or unknown.
    """

    results: tuple[RuleResult, ...]
    effect: tuple[EffectLine, ...] = ()
    nearest: Nearest | None = None
    worst_cost: Decimal | None = None

    @property
    def breaches(self) -> tuple[RuleResult, ...]:
        """Hard refusals first, then soft ones."""
        hard = tuple(result for result in self.results if result.outcome is Outcome.HARD)
        return hard + tuple(result for result in self.results if result.outcome is Outcome.SOFT)

    @property
    def is_refused(self) -> bool:
        """Whether a hard rule says no."""
        return any(result.outcome is Outcome.HARD for result in self.results)

    def missing_acknowledgements(self, acknowledged: frozenset[RuleCode]) -> tuple[RuleResult, ...]:
        """Return the soft rules that the person has not answered."""
        return tuple(
            result
            for result in self.results
            if result.outcome is Outcome.SOFT and result.code not in acknowledged
        )


@dataclass(frozen=True, slots=True)
class LimitUse:
    """One limit of the risk panel: how much of it is used.

    Attributes:
        name: machine value of the limit ("gross_exposure", "weight:AAPL").
        used: in `unit`; None is unknown.
        limit: in `unit`.
        room: dollars or counts left; None is unknown.
    """

    name: str
    used: Decimal | None
    limit: Decimal
    unit: Unit
    room: Decimal | None
    room_unit: Unit = field(default=Unit.DOLLARS)
