"""Every risk parameter as data: its unit, its bounds, which way it loosens, and what it must not exceed."""

import re
from collections.abc import Collection
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from core.domain.limits import Limits
from core.domain.money import Qty, normal, plain
from core.domain.risk import Unit
from core.ids import Symbol

Value = Decimal | float | bool | frozenset[Symbol] | None

# In place of a list of symbols: every one there is, and none. No symbol is spelled so.
EVERY, NONE = "*", "-"
_MOST_SYMBOLS = 2_000
_SHOWN = 40

# No sign, no exponent, no word: neither NaN nor 1e308 can be spelled.
_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,9})?")
_SYMBOL = re.compile(r"[A-Z][A-Z0-9./-]{0,15}")
_BETWEEN = re.compile(r"[\s,]+")


class Looser(StrEnum):
    """Which way a parameter lets more through."""

    HIGHER = "higher"
    LOWER = "lower"
    ON = "on"
    OFF = "off"
    FEWER_SYMBOLS = "fewer_symbols"
    MORE_SYMBOLS = "more_symbols"


@dataclass(frozen=True, slots=True)
class LimitKind:
    """One field of `Limits`.

    Attributes:
        looser: which way it loosens; changes that way wait.
        least, most: in `unit`, both allowed; 0 where it is no number.
        at_most: a field that it must not be above, as a soft limit not above its hard one; empty for none.
        agent: whether the agent has a value of its own.
    """

    name: str
    unit: Unit
    looser: Looser
    least: Decimal = Decimal(0)
    most: Decimal = Decimal(0)
    at_most: str = ""
    agent: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it is counted and not measured."""
        return isinstance(_USUAL[self.name], int | Qty)

    @property
    def allowed(self) -> str:
        """Say what may be typed."""
        match self.looser:
            case Looser.ON | Looser.OFF:
                return "true or false"
            case Looser.FEWER_SYMBOLS:
                return f"symbols, or {NONE} for none"
            case Looser.MORE_SYMBOLS:
                return f"symbols, {NONE} for none or {EVERY} for every one"
            case Looser.HIGHER | Looser.LOWER:
                what = "a whole number" if self.is_whole else "a number"
                return f"{what} from {plain(self.least)} to {plain(self.most)}"
            case _:
                assert_never(self.looser)


_USUAL: dict[str, object] = {each.name: each.default for each in fields(Limits)}
_D = Decimal


def _pct(
    name: str, most: int = 100, *, at_most: str = "", looser: Looser = Looser.HIGHER, agent: bool = False
) -> LimitKind:
    return LimitKind(name, Unit.PERCENT, looser, _D("0.01"), _D(most), at_most, agent)


def _seconds(
    name: str, most: int, *, at_most: str = "", looser: Looser = Looser.HIGHER, agent: bool = False
) -> LimitKind:
    return LimitKind(name, Unit.SECONDS, looser, _D("0.1"), _D(most), at_most, agent)


def _count(name: str, most: int, *, at_most: str = "", agent: bool = False) -> LimitKind:
    return LimitKind(name, Unit.COUNT, Looser.HIGHER, _D(1), _D(most), at_most, agent)


def _shares(name: str, at_most: str = "") -> LimitKind:
    return LimitKind(name, Unit.SHARES, Looser.HIGHER, _D(1), _D(10) ** 9, at_most, agent=True)


def _dollars(name: str, at_most: str = "") -> LimitKind:
    return LimitKind(name, Unit.DOLLARS, Looser.HIGHER, _D(1), _D(10) ** 12, at_most, agent=True)


def _switch(name: str, looser: Looser, *, agent: bool = False) -> LimitKind:
    return LimitKind(name, Unit.NONE, looser, agent=agent)


# Nothing can be more than all of the equity, but for what is held on margin (four times the equity within
# a day, FINRA 4210) and what is bought and sold again and again.
_MARGIN_PCT = 400
_TURNOVER_PCT = 10_000
# The desk remembers the orders of one minute (A18).
_REPEAT_S = 60
_DAY_S = 86_400

KINDS: dict[str, LimitKind] = {
    kind.name: kind
    for kind in (
        _pct("collar_soft_pct", at_most="collar_hard_pct", agent=True),
        _pct("collar_hard_pct", agent=True),
        _pct("spread_pct"),
        _shares("order_qty_soft", "order_qty_hard"),
        _shares("order_qty_hard"),
        _pct("volume_pct"),
        _dollars("notional_soft", "notional_hard"),
        _pct("notional_soft_pct", at_most="notional_hard_pct"),
        _dollars("notional_hard"),
        _pct("notional_hard_pct"),
        _pct("position_pct", agent=True),
        _pct("gross_pct", _MARGIN_PCT, agent=True),
        _pct("gross_margin_pct", _MARGIN_PCT),
        _pct("sector_pct", agent=True),
        _pct("daily_loss_pct", agent=True),
        # A longer memory finds more repeats.
        _seconds("duplicate_soft_s", _REPEAT_S, at_most="duplicate_hard_s", looser=Looser.LOWER),
        _seconds("duplicate_hard_s", _REPEAT_S, looser=Looser.LOWER),
        _count("duplicate_hard_count", 1_000),
        LimitKind("per_second", Unit.COUNT, Looser.HIGHER, _D("0.01"), _D(100)),
        _count("burst", 1_000, at_most="per_minute"),
        _count("per_minute", 6_000, at_most="per_day", agent=True),
        _count("per_day", 1_000_000, agent=True),
        _count("working_total", 10_000, agent=True),
        _count("working_per_symbol", 10_000, at_most="working_total", agent=True),
        _seconds("account_age_s", 600),
        _seconds("quote_age_s", 600, at_most="quote_age_extended_s", agent=True),
        _switch("short_sales", Looser.ON),
        _seconds("thesis_s", _DAY_S, looser=Looser.LOWER),
        _pct("turnover_pct", _TURNOVER_PCT, agent=True),
        _count("entries_max", 1_000),
        _pct("drawdown_pct"),
        _count("losing_streak", 100),
        _seconds("proposal_s", _DAY_S),
        _pct("proposal_move_pct"),
        _seconds("positions_age_s", 600),
        _seconds("quote_age_extended_s", 600, agent=True),
        _seconds("clock_skew_s", 60),
        _count("rejects_max", 1_000),
        _seconds("rejects_s", 3_600, looser=Looser.LOWER),
        _pct("slippage_pct"),
        _seconds("stale_s", 3_600),
        _seconds("down_s", 3_600),
        _switch("regular_hours_only", Looser.OFF, agent=True),
        _switch("strict", Looser.OFF, agent=True),
        LimitKind("restricted", Unit.NONE, Looser.FEWER_SYMBOLS),
        LimitKind("allowed", Unit.NONE, Looser.MORE_SYMBOLS, agent=True),
    )
}
AGENTS: frozenset[str] = frozenset(kind.name for kind in KINDS.values() if kind.agent)


def read(kind: LimitKind, text: str, *, bounded: bool = True) -> Value:
    """Read a value as it was typed, or as it was stored.

    Args:
        kind: which parameter.
        text: what was typed.
        bounded: hold it against the bounds; what was stored was held against those of its day.

    Raises:
        ValueError: it is not one; says what was expected and what was found.
    """
    typed = text.strip()
    match kind.looser:
        case Looser.ON | Looser.OFF:
            found = {"true": True, "false": False}.get(typed)
            if found is None:
                raise _unfit(kind, text)
            return found
        case Looser.FEWER_SYMBOLS | Looser.MORE_SYMBOLS:
            return _symbols(kind, typed)
        case Looser.HIGHER | Looser.LOWER:
            return _number(kind, typed, bounded=bounded)
        case _:
            assert_never(kind.looser)


def _number(kind: LimitKind, text: str, *, bounded: bool) -> Value:
    if not _NUMBER.fullmatch(text):
        raise _unfit(kind, text)
    number = Decimal(text)
    if bounded and not kind.least <= number <= kind.most:
        raise _unfit(kind, text)
    if kind.is_whole and number != number.to_integral_value():
        raise _unfit(kind, text)
    usual = _USUAL[kind.name]
    if isinstance(usual, Qty):
        return Qty(number)
    if isinstance(usual, int):
        return int(number)
    return float(number) if isinstance(usual, float) else number


def _symbols(kind: LimitKind, text: str) -> Value:
    if text == EVERY and kind.looser is Looser.MORE_SYMBOLS:
        return None
    if text == NONE:
        return frozenset()
    names = _BETWEEN.split(text.upper())
    if len(names) > _MOST_SYMBOLS or not all(_SYMBOL.fullmatch(name) for name in names):
        raise _unfit(kind, text)
    return frozenset(Symbol(name) for name in names)


def _unfit(kind: LimitKind, text: str) -> ValueError:
    shown = "".join(each if each.isprintable() else "?" for each in text[:_SHOWN])
    return ValueError(f"expected {kind.allowed}, found {shown or 'nothing'}")


def written(value: object) -> str:
    """Write a value as it is stored and shown; `read` gives the same value back."""
    match value:
        case None:
            return EVERY
        case bool():
            return "true" if value else "false"
        case frozenset():
            return " ".join(sorted(value)) or NONE
        case float():
            return plain(normal(Decimal(repr(value))))
        case Decimal():
            return plain(normal(Decimal(value)))
        case _:
            return str(value)


def contradiction(limits: Limits, names: Collection[str]) -> tuple[str, str] | None:
    """Find the first two of these fields that cannot both hold: a soft one above its hard one, and such.

    A symbol that nobody may open and that is allowed is one as well.
    """
    for kind in KINDS.values():
        other = kind.at_most
        if other and {kind.name, other} <= set(names) and getattr(limits, kind.name) > getattr(limits, other):
            return kind.name, other
    if {"restricted", "allowed"} <= set(names) and limits.restricted & (limits.allowed or frozenset()):
        return "allowed", "restricted"
    return None
