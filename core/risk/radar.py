"""The risk radar: scores of 0 to 100 from real inputs, n/a where one is missing; pure.

The formulas are those of the Rust InvestIQ (`risk-manager`, its radar), with inputs as fractions throughout.
Where it put in a constant for an input that it did not have, there is no score here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import log10

from core.domain.parameters import RadarAxis, TargetProfile
from core.domain.radar import (
    Radar,
    RadarAlert,
    RadarInput,
    RadarInputName,
    RadarLevel,
    RadarScore,
    RadarSeverity,
)
from core.ids import Symbol

Inputs = Mapping[RadarInputName, RadarInput]

_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)
_CRITICAL_EXCESS, _WARNING_EXCESS = Decimal(20), Decimal(10)
_LEVELS = (
    (Decimal(25), RadarLevel.LOW),
    (Decimal(45), RadarLevel.MODERATE),
    (Decimal(65), RadarLevel.ELEVATED),
    (Decimal(80), RadarLevel.HIGH),
)
_I = RadarInputName


def _part(value: float) -> float:
    return min(max(value * 100, 0.0), 100.0)


def _market(beta: float, correlation: float) -> float:
    return 0.5 * _part((beta - 0.5) / 1.5) + 0.5 * _part(abs(correlation))


def _volatility(a_year: float, true_range: float) -> float:
    return 0.6 * _part((a_year - 0.10) / 0.50) + 0.4 * _part((true_range - 0.005) / 0.045)


def _liquidity(volume: float, spread: float) -> float:
    return 0.5 * _part((7 - log10(max(volume, 1.0))) / 2) + 0.5 * _part((spread - 0.0001) / 0.01)


def _concentration(position: float, sector: float, holdings: float) -> float:
    return (
        0.4 * _part((position - 0.02) / 0.23)
        + 0.3 * _part((sector - 0.10) / 0.40)
        + 0.3 * _part(max(20 - holdings, 0.0) / 15)
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """How an axis counts, and what it is made of; no formula where there is no source of its inputs yet."""

    weight: Decimal
    inputs: tuple[RadarInputName, ...]
    formula: Callable[..., float] | None = None


_AXES: dict[RadarAxis, _Axis] = {
    RadarAxis.MARKET: _Axis(Decimal("0.20"), (_I.BETA, _I.CORRELATION), _market),
    RadarAxis.VOLATILITY: _Axis(Decimal("0.25"), (_I.VOLATILITY, _I.RANGE), _volatility),
    RadarAxis.LIQUIDITY: _Axis(Decimal("0.10"), (_I.VOLUME, _I.SPREAD), _liquidity),
    RadarAxis.EVENT: _Axis(Decimal("0.15"), (_I.EVENTS,)),
    RadarAxis.CONCENTRATION: _Axis(
        Decimal("0.15"), (_I.POSITION_WEIGHT, _I.SECTOR_WEIGHT, _I.HOLDINGS), _concentration
    ),
    RadarAxis.SENTIMENT: _Axis(Decimal("0.15"), (_I.SENTIMENT,)),
}
_NO_SOURCE = {
    _I.EVENTS: "There is no source of an event calendar yet.",
    _I.SENTIMENT: "There is no source of sentiment yet.",
}
# Of the account as a whole; the other axes are those of its holdings, by their value.
_OF_THE_WHOLE = (RadarAxis.CONCENTRATION,)


@dataclass(frozen=True, slots=True)
class Holding:
    """A position and what is known of its symbol.

    Attributes:
        value: dollars, without sign, above zero.
    """

    value: Decimal
    inputs: Inputs


def symbol_radar(symbol: Symbol, inputs: Inputs, target: TargetProfile, at: datetime) -> Radar:
    """Score a symbol, whether it is held or not."""
    scores = tuple(_scored(axis, inputs, target) for axis in RadarAxis)
    return _radar(symbol, scores, target, at)


def portfolio_radar(holdings: Sequence[Holding], whole: Inputs, target: TargetProfile, at: datetime) -> Radar:
    """Score what is held, each holding by its share of the value; an empty portfolio has an empty radar.

    A mean of volatilities is what the holdings would do together if they all moved as one: more than the
    account does, and never less.

    Args:
        holdings: what is held.
        whole: the inputs of concentration: the largest position, the largest sector, how many holdings.
        target: what the axes stand beside.
        at: market time, UTC.
    """
    if not holdings:
        return _radar(None, (), target, at)
    scores = tuple(
        _scored(axis, whole, target) if axis in _OF_THE_WHOLE else _weighted(axis, holdings, target)
        for axis in RadarAxis
    )
    return _radar(None, scores, target, at)


def _scored(axis: RadarAxis, inputs: Inputs, target: TargetProfile) -> RadarScore:
    used = _used(axis, inputs)
    raw = _raw(axis, used)
    score = None if raw is None else Decimal(repr(raw)).quantize(_CENT)
    return RadarScore(axis, score, target.target(axis), used)


def _used(axis: RadarAxis, inputs: Inputs) -> tuple[RadarInput, ...]:
    return tuple(inputs.get(name) or RadarInput(name, None, _NO_SOURCE[name]) for name in _AXES[axis].inputs)


def _raw(axis: RadarAxis, used: Sequence[RadarInput]) -> float | None:
    formula = _AXES[axis].formula
    known = [float(each.value) for each in used if each.value is not None]
    return None if formula is None or len(known) < len(used) else formula(*known)


def _weighted(axis: RadarAxis, holdings: Sequence[Holding], target: TargetProfile) -> RadarScore:
    total = sum((each.value for each in holdings), Decimal(0))
    used = [_used(axis, each.inputs) for each in holdings]
    shares = [each.value / total for each in holdings]
    inputs = tuple(_mean(column, shares) for column in zip(*used, strict=True))
    scores = [_raw(axis, row) for row in used]
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        return RadarScore(axis, None, target.target(axis), inputs)
    mean = sum(float(share) * score for share, score in zip(shares, known, strict=True))
    return RadarScore(axis, Decimal(repr(mean)).quantize(_CENT), target.target(axis), inputs)


def _mean(column: Sequence[RadarInput], shares: Sequence[Decimal]) -> RadarInput:
    missing = " ".join(dict.fromkeys(each.missing for each in column if each.missing))
    if missing:
        return RadarInput(column[0].name, None, missing)
    values = [each.value or Decimal(0) for each in column]
    return RadarInput(column[0].name, sum((a * b for a, b in zip(values, shares, strict=True)), Decimal(0)))


def _radar(
    symbol: Symbol | None, scores: tuple[RadarScore, ...], target: TargetProfile, at: datetime
) -> Radar:
    known = [(each.score, _AXES[each.axis].weight) for each in scores if each.score is not None]
    weight = sum((share for _, share in known), Decimal(0))
    overall = None
    if known:
        overall = (sum((score * share for score, share in known), Decimal(0)) / weight).quantize(_CENT)
    return Radar(
        symbol=symbol,
        axes=scores,
        overall=overall,
        known_weight_pct=weight * _HUNDRED,
        level=None if overall is None else level_of(overall),
        alerts=_alerts(scores),
        target=target,
        at=at,
    )


def level_of(overall: Decimal) -> RadarLevel:
    """Put an overall score into a word."""
    return next((level for below, level in _LEVELS if overall < below), RadarLevel.CRITICAL)


def _alerts(scores: tuple[RadarScore, ...]) -> tuple[RadarAlert, ...]:
    found = [
        RadarAlert(
            each.axis,
            each.score - each.target,
            RadarSeverity.CRITICAL if each.score - each.target > _CRITICAL_EXCESS else RadarSeverity.WARNING,
        )
        for each in scores
        if each.score is not None and each.score - each.target > _WARNING_EXCESS
    ]
    return tuple(sorted(found, key=lambda alert: -alert.excess))
