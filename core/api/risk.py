"""The risk desk's calls: how much of each limit is used, the parameters, the target and the radar."""

from core.api.bodies import ParametersBody, TargetBody, refuse
from core.api.calls import Answer, Call
from core.api.facts import Facts, limits_facts, moment, state_facts, use_facts
from core.domain.breakers import BreakerRecord, BreakerStanding
from core.domain.limit_kinds import KINDS, written
from core.domain.meanings import LIMITS
from core.domain.messages import (
    GetTargetProfile,
    LoadBreakers,
    LoadLive,
    LoadRadar,
    LoadRisk,
    SetRiskParameters,
    UpdateTargetProfile,
)
from core.domain.parameters import ParameterChange, ParameterEdit, RadarAxis, RiskView, Scope, TargetProfile
from core.domain.radar import Radar, RadarScore
from core.ids import Symbol
from core.orders.bodies import number


async def risk(call: Call) -> Answer:
    """Answer with the trading state, the limits, how much of each is used, and the breakers."""
    view = await call.do(LoadLive())
    parameters = await call.do(LoadRisk())
    breakers = await call.do(LoadBreakers(limit=0))
    return Answer(
        {
            **state_facts(view.trading_state),
            "limits": limits_facts(parameters.limits),
            "agent_limits": limits_facts(parameters.agent_limits),
            "uses": [use_facts(each) for each in view.account.uses],
            "breakers": [_breaker(each) for each in breakers.standings],
        }
    )


async def parameters(call: Call) -> Answer:
    """Answer with every risk parameter, what waits, and the history."""
    return Answer(_parameters(await call.do(LoadRisk())))


async def set_parameters(call: Call) -> Answer:
    """Change parameters, all of them or none; the trading state stays as it is."""
    body = await call.body(ParametersBody)
    edits = [
        ParameterEdit(scope, name, _text(name, value))
        for scope, values in ((Scope.ALL, body.all), (Scope.AGENT, body.agent))
        for name, value in values.items()
    ]
    return Answer(_parameters(await call.do(SetRiskParameters(tuple(edits), body.reason))))


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        refuse(f'{name}: expected text in quotes such as "10.50"', name)
    return value


async def target(call: Call) -> Answer:
    """Answer with how much risk is aimed at on each axis."""
    return Answer(_target(await call.do(GetTargetProfile())))


async def set_target(call: Call) -> Answer:
    """Aim at another risk; what is not named stays."""
    body = await call.body(TargetBody)
    named = [(axis, getattr(body, axis.value)) for axis in RadarAxis]
    targets = tuple((axis, text) for axis, text in named if text is not None)
    return Answer(_target(await call.do(UpdateTargetProfile(targets, body.reason))))


async def radar(call: Call) -> Answer:
    """Answer with the radar of a symbol, or of the portfolio."""
    symbol = call.query("symbol")
    return Answer(_radar(await call.do(LoadRadar(None if symbol is None else Symbol(symbol.upper())))))


def _breaker(standing: BreakerStanding) -> Facts:
    return {
        "name": standing.name.value,
        "source": standing.source,
        "state": standing.state.value,
        "effect": standing.effect.value,
        "figure": number(standing.figure),
        "limit": number(standing.limit),
        "unit": standing.unit.value,
        "room": number(standing.room),
        "last_step": None if standing.record is None else _step(standing.record),
    }


def _step(record: BreakerRecord) -> Facts:
    return {
        "state": record.state.value,
        "text": record.text,
        "actor": record.actor,
        "reason": record.reason,
        "at": moment(record.at),
    }


def _parameters(view: RiskView) -> Facts:
    return {
        "parameters": [
            {
                "name": name,
                "means": LIMITS[name],
                "unit": kind.unit.value,
                "allowed": kind.allowed,
                "loosens": kind.looser.value,
                "all": written(getattr(view.limits, name)),
                "agent": written(getattr(view.agent_own, name)) if kind.agent else None,
                "agent_in_force": written(getattr(view.agent_limits, name)),
            }
            for name, kind in KINDS.items()
        ],
        "pending": [_change(each) for each in view.pending],
        "history": [_change(each) for each in view.history],
    }


def _change(change: ParameterChange) -> Facts:
    return {
        "scope": change.scope.value,
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "author": change.author,
        "role": change.role,
        "reason": change.reason,
        "decided_at": moment(change.decided_at),
        "effective_at": moment(change.effective_at),
    }


def _target(profile: TargetProfile) -> Facts:
    return {
        **{axis.value: number(profile.target(axis)) for axis in RadarAxis},
        "author": profile.author,
        "reason": profile.reason,
        "changed_at": moment(profile.changed_at),
    }


def _radar(found: Radar) -> Facts:
    return {
        "symbol": found.symbol,
        "at": moment(found.at),
        "empty": found.is_empty,
        "overall": number(found.overall),
        "level": None if found.level is None else found.level.value,
        "known_weight_pct": number(found.known_weight_pct),
        "axes": [_axis(each) for each in found.axes],
        "alerts": [
            {"axis": each.axis.value, "excess": number(each.excess), "severity": each.severity.value}
            for each in found.alerts
        ],
    }


def _axis(score: RadarScore) -> Facts:
    return {
        "axis": score.axis.value,
        "score": number(score.score),
        "target": number(score.target),
        "missing": score.missing,
        "inputs": [
            {"name": each.name.value, "value": number(each.value), "missing": each.missing}
            for each in score.inputs
        ],
    }
