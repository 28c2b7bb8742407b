"""A radar, a board of breakers and a parameter history, as the core would answer them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from core.domain.breakers import BreakerBoard, BreakerName, BreakerRecord, BreakerStanding, BreakerState
from core.domain.limits import AGENT_LIMITS, Limits
from core.domain.parameters import ParameterChange, RadarAxis, RiskView, Scope, TargetProfile
from core.domain.radar import Radar, RadarAlert, RadarInput, RadarLevel, RadarScore, RadarSeverity
from core.domain.reports import CodeCount, DailyReport, LimitPeak, Slip
from core.domain.risk import Unit
from core.ids import ClOrdId, ExecId, Symbol

NOW = datetime(2026, 11, 20, 19, 32, 7, tzinfo=UTC)
_FIGURES: dict[BreakerName, tuple[str | None, str, Unit]] = {
    BreakerName.DAILY_LOSS: ("0", "5", Unit.PERCENT),
    BreakerName.AGENT_LOSS: ("0", "3", Unit.PERCENT),
    BreakerName.LOSING_STREAK: ("1", "3", Unit.COUNT),
    BreakerName.DRAWDOWN: ("0.4", "10", Unit.PERCENT),
    BreakerName.REJECT_RATE: ("0", "5", Unit.COUNT),
    BreakerName.SLIPPAGE: (None, "1", Unit.PERCENT),
    BreakerName.OVERFILL: ("0", "0", Unit.COUNT),
    BreakerName.DRIFT: ("0", "1", Unit.COUNT),
    BreakerName.ORDERS_OUT: ("0", "1", Unit.COUNT),
    BreakerName.STALE_DATA: ("0.2", "60", Unit.SECONDS),
    BreakerName.DISCONNECTION: ("0", "60", Unit.SECONDS),
}
_SCORES: dict[RadarAxis, str | None] = {
    RadarAxis.MARKET: "46",
    RadarAxis.VOLATILITY: "38",
    RadarAxis.LIQUIDITY: "12",
    RadarAxis.EVENT: None,
    RadarAxis.CONCENTRATION: "45",
    RadarAxis.SENTIMENT: None,
}
TARGET = TargetProfile()


def tripped(name: BreakerName, text: str, source: str = "") -> BreakerRecord:
    value, limit, unit = Decimal("5.2"), Decimal(5), Unit.PERCENT
    return BreakerRecord(
        name, BreakerState.TRIPPED, source, text, value, limit, unit, "desk", "admin", "", NOW
    )


def board(*records: BreakerRecord) -> BreakerBoard:
    """Every breaker armed, but for those of the records."""
    down: Mapping[BreakerName, BreakerRecord] = {each.name: each for each in records}
    standings = []
    for name, (figure, limit, unit) in _FIGURES.items():
        record = down.get(name)
        state = BreakerState.ARMED if record is None else record.state
        measured = None if figure is None else Decimal(figure)
        room = None if measured is None else Decimal(limit) - measured
        source = "" if record is None else record.source
        standings.append(BreakerStanding(name, source, state, measured, Decimal(limit), unit, room, record))
    return BreakerBoard(tuple(standings), tuple(records))


def radar(scores: Mapping[RadarAxis, str | None] | None = None) -> Radar:
    axes = []
    for axis, score in (scores if scores is not None else _SCORES).items():
        missing = "" if score is not None else "There is no source for it yet."
        value = None if score is None else Decimal(score)
        inputs = (RadarInput("beta", value, missing),)
        axes.append(RadarScore(axis, value, TARGET.target(axis), inputs))
    alerts = tuple(
        RadarAlert(each.axis, each.score - each.target, RadarSeverity.WARNING)
        for each in axes
        if each.score is not None and each.score > each.target
    )
    known = Decimal(70) if axes else Decimal(0)
    overall = Decimal(37) if axes else None
    level = RadarLevel.MODERATE if axes else None
    return Radar(None, tuple(axes), overall, known, level, alerts, TARGET, NOW)


def risk_view(**changes: Decimal) -> RiskView:
    loosened = ParameterChange(
        Scope.ALL, "gross_pct", "80", "100", "kim", "admin", "cash account", NOW, NOW + timedelta(seconds=60)
    )
    tightened = ParameterChange(
        Scope.AGENT, "position_pct", "6", "5", "kim", "admin", "calmer", NOW - timedelta(days=1), NOW
    )
    limits = Limits(**changes)
    return RiskView(limits, AGENT_LIMITS, AGENT_LIMITS, (loosened,), (loosened, tightened), TARGET)


def report() -> DailyReport:
    slip = Slip(
        ExecId("E-1"),
        ClOrdId("IQ-1"),
        Symbol("AAPL"),
        Decimal(20),
        Decimal("189.50"),
        Decimal("189.43"),
        Decimal("0.04"),
        Decimal("1.40"),
    )
    return DailyReport(
        market_date=NOW.date(),
        made_at=NOW,
        orders=9,
        cancels=2,
        rejects=0,
        refusals=(CodeCount("buying_power", 2), CodeCount("throttled", 1)),
        overrides=(),
        limits=(LimitPeak("position_limit", Decimal("94.5"), ClOrdId("IQ-1")),),
        slips=(slip,),
        average_slip_pct=Decimal("0.04"),
        fills=7,
        traded=Decimal("21400.50"),
        fees=Decimal("1.2"),
        realised=Decimal("-35.1"),
        trips=(tripped(BreakerName.DAILY_LOSS, "The day has lost 5.2 %; 5 % is the limit."),),
        alarms=1,
    )
