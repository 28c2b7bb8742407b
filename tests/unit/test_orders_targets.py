"""The profile of risk that is aimed at: who sets it, exactly, and kept over restarts."""

from decimal import Decimal
from pathlib import Path

import pytest

from core.domain import messages as m
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction
from core.domain.parameters import RadarAxis, TargetProfile
from core.domain.records import AuditQuery
from core.errors import RefusalCode, Refused
from tests.fakes.rig import Rig

MARKET, EVENT = RadarAxis.MARKET, RadarAxis.EVENT


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    await made.stop()


async def aim(rig: Rig, *targets: tuple[RadarAxis, str], reason: str = "calmer") -> TargetProfile:
    return await rig.do(m.UpdateTargetProfile(targets, reason), "admin")


async def test_a_new_profile_aims_at_the_defaults(rig: Rig) -> None:
    target = await rig.do(m.GetTargetProfile(), "viewer")

    assert target == TargetProfile()
    assert (target.author, target.changed_at) == ("default", None)


async def test_a_target_is_exact_recorded_and_kept_over_a_restart(rig: Rig) -> None:
    target = await aim(rig, (MARKET, "0"), (EVENT, "33.333333"))

    assert (target.market, target.event, target.volatility) == (0, Decimal("33.333333"), 50)
    assert (target.author, target.reason, target.changed_at) == ("kim", "calmer", rig.clock.now())
    assert [each.target for each in rig.events if isinstance(each, m.TargetProfileChanged)] == [target]
    query = AuditQuery(action=AuditAction.RISK_TARGET_CHANGED.value)
    (record,) = await rig.store.read(lambda reader: reader.audit_page(query))
    assert (record.actor, record.role) == ("kim", "admin")
    assert '"event":"40"' in record.payload
    assert '"event":"33.333333"' in record.payload
    await rig.kill()
    await rig.start()
    assert await rig.do(m.GetTargetProfile()) == target
    assert (await rig.do(m.LoadRisk())).target == target


@pytest.mark.parametrize(
    "text", ["-1", "100.000001", "101", "1e1", "nan", "Infinity", "", "x", "0.0000001", "1000"]
)
async def test_a_target_that_is_no_score_is_refused_with_the_axis(rig: Rig, text: str) -> None:
    with pytest.raises(Refused) as caught:
        await aim(rig, (EVENT, "10"), (MARKET, text))

    assert (caught.value.code, caught.value.details["field"]) == (RefusalCode.MALFORMED, "market")
    assert await rig.do(m.GetTargetProfile()) == TargetProfile()


async def test_a_target_needs_an_axis_once_and_a_reason(rig: Rig) -> None:
    for targets, reason, field in (
        ((), "x", "targets"),
        (((MARKET, "1"), (MARKET, "2")), "x", "market"),
        (((MARKET, "1"),), "  ", "reason"),
    ):
        with pytest.raises(Refused) as caught:
            await aim(rig, *targets, reason=reason)
        assert caught.value.details["field"] == field


async def test_neither_a_trader_nor_the_agent_says_what_is_aimed_at(rig: Rig) -> None:
    wish = m.UpdateTargetProfile(((MARKET, "1"),), "x")

    with pytest.raises(Refused, match="needs the role admin"):
        await rig.do(wish, "trader")
    with pytest.raises(Refused, match="agent may only propose"):
        await rig.core.desk.execute(wish, Actor("agent", "admin", Origin.AGENT, "s-1"))


async def test_a_target_that_is_aimed_at_already_leaves_no_trace(rig: Rig) -> None:
    assert await aim(rig, (MARKET, "50.0")) == TargetProfile()
    assert not [each for each in rig.events if isinstance(each, m.TargetProfileChanged)]
