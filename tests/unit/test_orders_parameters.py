"""Risk parameters on a whole core: who, at once or after the wait, kept over restarts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain import messages as m
from core.domain.access import Actor, Origin, TradingState
from core.domain.audit import AuditAction
from core.domain.limit_kinds import KINDS, read
from core.domain.limits import AGENT_LIMITS, Limits
from core.domain.parameters import ParameterChange, ParameterEdit, RiskView, Scope
from core.domain.records import AuditQuery
from core.errors import DatabaseDamaged, RefusalCode, Refused, StorageUnwritable
from core.ids import Symbol
from core.risk.parameters import (
    COOL_OFF_S,
    LONGEST_REASON,
    Parameters,
    decide,
    first_changes,
    fold,
    is_looser,
    key_of,
    reason_of,
    tightest,
)
from tests.fakes.rig import Rig

USUAL = Limits()


def edit(name: str, value: str, scope: Scope = Scope.ALL) -> ParameterEdit:
    return ParameterEdit(scope, name, value)


async def change(rig: Rig, *edits: ParameterEdit, reason: str = "calmer") -> RiskView:
    return await rig.do(m.SetRiskParameters(edits, reason), "admin")


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path, limits=USUAL).start()
    yield made
    await made.stop()


async def test_what_tightens_holds_at_once_for_everybody_and_the_agent(rig: Rig) -> None:
    view = await change(rig, edit("position_pct", "3"), edit("strict", "true"), edit("duplicate_soft_s", "9"))

    state = rig.core.state
    assert (state.limits.position_pct, state.limits.strict, state.limits.duplicate_soft_s) == (3, True, 9.0)
    assert state.agent_limits.position_pct == 3
    assert (view.limits, view.agent_limits, view.pending) == (state.limits, state.agent_limits, ())
    assert [(each.name, each.before, each.after) for each in view.history] == [
        ("duplicate_soft_s", "5", "9"),
        ("strict", "false", "true"),
        ("position_pct", "20", "3"),
    ]
    assert {(each.author, each.role, each.reason) for each in view.history} == {("kim", "admin", "calmer")}


async def test_what_loosens_waits_a_minute_and_is_seen_to_wait(rig: Rig) -> None:
    view = await change(rig, edit("gross_pct", "150"))

    assert rig.core.state.limits.gross_pct == 100
    (waits,) = view.pending
    assert waits.effective_at - waits.decided_at == timedelta(seconds=COOL_OFF_S)
    await rig.wait(COOL_OFF_S - 1)
    assert rig.core.state.limits.gross_pct == 100
    await rig.wait(3)
    assert rig.core.state.limits.gross_pct == 150
    after = await rig.do(m.LoadRisk())
    assert after.pending == ()
    assert [each.after for each in after.history] == ["150", "150"]


async def test_the_wait_is_not_shortened_by_turning_the_wall_clock(rig: Rig, expected_log) -> None:
    expected_log("link.lost")  # a clock that jumps breaks the links
    await change(rig, edit("gross_pct", "150"))

    rig.clock._now += timedelta(days=2)
    await rig.wait(COOL_OFF_S - 5)

    assert rig.core.state.limits.gross_pct == 100
    await rig.wait(10)
    assert rig.core.state.limits.gross_pct == 150


async def test_the_wait_is_not_shortened_by_a_restart(rig: Rig) -> None:
    await change(rig, edit("gross_pct", "150"))
    await rig.wait(COOL_OFF_S - 10)

    await rig.kill()
    rig.clock._now += timedelta(days=2)
    await rig.start()

    (waits,) = (await rig.do(m.LoadRisk())).pending
    assert waits.effective_at == rig.clock.now() + timedelta(seconds=COOL_OFF_S)
    await rig.wait(COOL_OFF_S - 5)
    assert rig.core.state.limits.gross_pct == 100
    await rig.wait(10)
    assert rig.core.state.limits.gross_pct == 150


async def test_what_has_taken_effect_holds_over_a_restart_and_the_profile_no_longer_counts(rig: Rig) -> None:
    await change(
        rig, edit("gross_pct", "150"), edit("per_day", "40", Scope.AGENT), edit("restricted", "aapl")
    )
    await rig.wait(COOL_OFF_S + 2)
    before = rig.core.state.limits, rig.core.state.agent_limits

    await rig.kill()
    rig.limits = Limits(gross_pct=USUAL.gross_pct * 3, burst=1)
    await rig.start()

    assert (rig.core.state.limits, rig.core.state.agent_limits) == before
    assert before[0].restricted == {"AAPL"}
    assert before[1].per_day == 40


async def test_a_newer_change_takes_the_place_of_one_that_waits(rig: Rig) -> None:
    await change(rig, edit("gross_pct", "150"))
    await rig.wait(30)

    taken_back = await change(rig, edit("gross_pct", "100"), reason="second thoughts")
    await rig.wait(COOL_OFF_S)

    assert taken_back.pending == ()
    assert rig.core.state.limits.gross_pct == 100
    assert [each.after for each in taken_back.history] == ["100", "150"]
    await change(rig, edit("gross_pct", "150"))
    await rig.wait(50)
    await change(rig, edit("gross_pct", "140"))
    await rig.wait(50)
    assert rig.core.state.limits.gross_pct == 100
    await rig.wait(12)
    assert rig.core.state.limits.gross_pct == 140


@pytest.mark.parametrize(("edits", "field"), [
    ([edit("position_pct", "-1")], "position_pct"),
    ([edit("position_pct", "101")], "position_pct"),
    ([edit("position_pct", "NaN")], "position_pct"),
    ([edit("notional_hard", "Infinity")], "notional_hard"),
    ([edit("notional_hard", "1e308")], "notional_hard"),
    ([edit("drawdown_pct", "ten")], "drawdown_pct"),
    ([edit("collar_soft_pct", "11")], "collar_soft_pct"),
    ([edit("collar_hard_pct", "2")], "collar_hard_pct"),
    ([edit("restricted", "AAPL"), edit("allowed", "AAPL")], "allowed"),
    ([edit("gross_pct", "50"), edit("burst", "61")], "burst"),
    ([edit("nonsense", "1")], "nonsense"),
    ([edit("drawdown_pct", "5", Scope.AGENT)], "drawdown_pct"),
    ([edit("gross_pct", "50"), edit("gross_pct", "40")], "gross_pct"),
    ([edit("gross_pct", "50"), edit("quote_age_s", "3", Scope.AGENT)], "quote_age_s"),
    ([], "edits"),
])  # fmt: skip
async def test_a_bad_set_of_edits_is_refused_with_the_field_and_changes_nothing(
    rig: Rig, edits: list[ParameterEdit], field: str
) -> None:
    before = await rig.do(m.LoadRisk())

    with pytest.raises(Refused) as caught:
        await change(rig, *edits)

    assert caught.value.code is RefusalCode.MALFORMED
    assert caught.value.details["field"] == field
    assert await rig.do(m.LoadRisk()) == before
    assert rig.core.state.limits == USUAL


async def test_two_that_waited_apart_may_not_contradict_in_the_end(rig: Rig) -> None:
    await change(rig, edit("collar_hard_pct", "12"))
    await rig.wait(20)
    await change(rig, edit("collar_soft_pct", "11"))

    with pytest.raises(Refused) as caught:
        await change(rig, edit("collar_hard_pct", "10"))

    assert caught.value.details == {"field": "collar_hard_pct", "scope": "all"}
    assert "collar_soft_pct would be 11, above collar_hard_pct of 10" in caught.value.message
    await rig.wait(COOL_OFF_S)
    assert (rig.core.state.limits.collar_soft_pct, rig.core.state.limits.collar_hard_pct) == (11, 12)


@pytest.mark.parametrize("reason", ["", "   ", "\n\t"])
async def test_a_change_without_a_reason_is_refused(rig: Rig, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        await change(rig, edit("gross_pct", "50"), reason=reason)

    assert (caught.value.code, caught.value.details["field"]) == (RefusalCode.REASON_MISSING, "reason")
    with pytest.raises(Refused, match="at most 500"):
        await change(rig, edit("gross_pct", "50"), reason="x" * (LONGEST_REASON + 1))


async def test_neither_a_trader_nor_the_agent_changes_what_limits_them(rig: Rig) -> None:
    wish = m.SetRiskParameters((edit("gross_pct", "50"),), "x")
    agent = Actor("agent", "admin", Origin.AGENT, "s-1")

    with pytest.raises(Refused, match="needs the role admin"):
        await rig.do(wish, "trader")
    with pytest.raises(Refused, match="agent may only propose"):
        await rig.core.desk.execute(wish, agent)

    assert rig.core.state.limits == USUAL


async def test_a_change_never_touches_the_trading_state(rig: Rig) -> None:
    await rig.do(m.HaltTrading("stop"))

    await change(rig, edit("drawdown_pct", "50"), edit("gross_pct", "50"))
    await rig.wait(COOL_OFF_S + 2)

    assert rig.core.state.limits.drawdown_pct == 50
    assert rig.core.state.trading_state is TradingState.HALTED


async def test_each_change_is_in_the_record_with_before_and_after(rig: Rig) -> None:
    await change(rig, edit("gross_pct", "150"))
    await rig.wait(COOL_OFF_S + 2)

    query = AuditQuery(action=AuditAction.RISK_PARAMETER_CHANGED.value)
    held, decided, first = await rig.store.read(lambda reader: reader.audit_page(query))

    assert (first.actor, first.entity) == ("desk", "first values")
    assert '"gross_pct":"100"' in first.payload
    assert '"gross_pct":"30"' in first.payload
    assert (decided.actor, decided.role, decided.entity) == ("kim", "admin", "all gross_pct")
    for part in ('"before":"100"', '"after":"150"', '"reason":"calmer"', '"waits":true'):
        assert part in decided.payload
    assert (held.actor, held.entity) == ("desk", "all gross_pct")
    assert '"waits":false' in held.payload
    assert '"author":"kim"' in held.payload


async def test_an_edit_that_changes_nothing_leaves_no_trace(rig: Rig) -> None:
    before = len(await rig.store.read(rig.audit_actions()))

    view = await change(rig, edit("gross_pct", "100.00"))

    assert view.history == ()
    assert len(await rig.store.read(rig.audit_actions())) == before


async def test_the_window_is_told_of_a_change_and_of_its_effect(rig: Rig) -> None:
    await change(rig, edit("gross_pct", "150"))
    await rig.wait(COOL_OFF_S + 2)

    told = [each for each in rig.events if isinstance(each, m.RiskParametersChanged)]

    assert [(each.limits.gross_pct, len(each.pending)) for each in told] == [(100, 1), (150, 0)]
    assert told[-1].agent_limits.gross_pct == 30


async def test_a_change_that_cannot_be_written_does_not_hold(rig: Rig) -> None:
    def broken(work):
        raise StorageUnwritable("the disk is full")

    write, rig.store.write = rig.store.write, broken
    with pytest.raises(StorageUnwritable):
        await rig.core.desk.execute(m.SetRiskParameters((edit("gross_pct", "50"),), "x"), rig.actor("admin"))
    rig.store.write = write

    assert rig.core.state.limits == USUAL
    assert (await change(rig, edit("gross_pct", "50"))).limits.gross_pct == 50


async def test_what_waited_and_cannot_be_written_waits_on_and_says_so(rig: Rig) -> None:
    await change(rig, edit("gross_pct", "150"))
    parameters = rig.core.risk_desk.parameters
    store_changes = parameters._store_changes

    async def broken(changes, drafts) -> None:
        raise StorageUnwritable("the disk is full")

    parameters._store_changes = broken
    await rig.wait(COOL_OFF_S + 5)
    notices = [
        each for each in rig.events if isinstance(each, m.Notice) and "could not be written" in each.text
    ]

    assert rig.core.state.limits.gross_pct == 100
    assert len(notices) == 1
    parameters._store_changes = store_changes
    await rig.wait(15)
    assert rig.core.state.limits.gross_pct == 150


async def test_a_stored_value_that_cannot_be_read_is_said_to_be_damage(rig: Rig) -> None:
    stored = await rig.store.read(lambda reader: reader.parameter_changes())
    await rig.core.journal.write(
        lambda uow, _: uow.insert_parameter_change(
            next(each for each in stored if each.name == "strict").__class__(
                Scope.ALL, "strict", "false", "perhaps", "x", "admin", "x", rig.clock.now(), rig.clock.now()
            )
        )
    )

    with pytest.raises(DatabaseDamaged, match="all strict: expected true or false, found perhaps"):
        await rig.core.risk_desk.load()


async def test_what_another_release_stored_is_passed_over(rig: Rig) -> None:
    now = rig.clock.now()
    unknown = [
        ParameterChange(scope, name, "1", "2", "x", "admin", "x", now, now)
        for scope, name in ((Scope.ALL, "of_tomorrow"), (Scope.AGENT, "drawdown_pct"))
    ]
    await rig.core.journal.write(lambda uow, _: [uow.insert_parameter_change(each) for each in unknown])

    await rig.kill()
    await rig.start()

    assert rig.core.state.limits == USUAL
    assert rig.core.state.agent_limits == tightest(USUAL, AGENT_LIMITS)


def test_first_values_are_those_that_nothing_is_stored_of() -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    whole = first_changes(Parameters(USUAL), (), now)

    assert [key_of(each) for each in whole] == [
        *((Scope.ALL, name) for name in KINDS),
        *((Scope.AGENT, name) for name in KINDS if KINDS[name].agent),
    ]
    assert fold(Parameters(Limits(gross_pct=Decimal(1))), whole) == Parameters(USUAL)
    rest = first_changes(Parameters(USUAL), [(Scope.ALL, "strict"), (Scope.AGENT, "gross_pct")], now)
    assert {key_of(each) for each in whole} - {key_of(each) for each in rest} == {
        (Scope.ALL, "strict"), (Scope.AGENT, "gross_pct")
    }  # fmt: skip


def test_what_was_stored_beyond_the_bounds_of_today_holds() -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    stored = ParameterChange(Scope.ALL, "burst", "5", "1000000", "x", "admin", "x", now, now)

    assert fold(Parameters(USUAL), [stored]).everybody.burst == 1_000_000


def test_a_reason_has_at_most_500_characters() -> None:
    assert reason_of(f" {'x' * LONGEST_REASON}\n") == "x" * LONGEST_REASON
    with pytest.raises(Refused):
        reason_of("x" * (LONGEST_REASON + 1))


def test_lists_of_symbols_tighten_to_what_all_of_them_allow() -> None:
    one, other = (replace(USUAL, allowed=frozenset(map(Symbol, names))) for names in ("AB", "BC"))

    assert tightest(one, other).allowed == {"B"}
    assert tightest(one, USUAL).allowed == {"A", "B"}
    assert tightest(USUAL, other).allowed == {"B", "C"}
    assert tightest(USUAL, USUAL).allowed is None
    assert tightest(replace(USUAL, restricted=frozenset({Symbol("A")})), USUAL).restricted == {"A"}


@pytest.mark.parametrize(("name", "before", "after", "waits"), [
    ("restricted", "A", "A B", False), ("restricted", "A B", "A", True), ("restricted", "A", "B", True),
    ("allowed", "A B", "A", False), ("allowed", "A", "A B", True), ("allowed", "A", "B", True),
    ("allowed", "*", "A", False), ("allowed", "A", "*", True), ("allowed", "A", "-", False),
    ("strict", "true", "false", True), ("strict", "false", "true", False),
    ("short_sales", "false", "true", True), ("short_sales", "true", "false", False),
    ("duplicate_hard_s", "60", "30", True), ("duplicate_hard_s", "30", "60", False),
    ("losing_streak", "3", "4", True), ("losing_streak", "3", "2", False),
])  # fmt: skip
def test_which_way_a_parameter_loosens(name: str, before: str, after: str, waits: bool) -> None:
    first = replace(USUAL, **{name: read(KINDS[name], before)})
    admin = Actor("kim", "admin", Origin.WINDOW, "s")

    (made,) = decide(Parameters(first), (edit(name, after),), "x", admin, datetime(2026, 1, 5, tzinfo=UTC))

    assert (made.before, made.after) == (before, after)
    assert (made.effective_at - made.decided_at).total_seconds() == (COOL_OFF_S if waits else 0)


async def test_first_values_are_stored_once(rig: Rig) -> None:
    before = await rig.store.read(lambda reader: reader.parameter_changes())

    await rig.kill()
    await rig.start()

    assert await rig.store.read(lambda reader: reader.parameter_changes()) == before
    assert rig.core.state.agent_limits == tightest(USUAL, AGENT_LIMITS)


def test_the_tighter_of_both_is_never_looser_than_either() -> None:
    both = tightest(USUAL, AGENT_LIMITS)

    for name, kind in KINDS.items():
        assert not is_looser(kind, getattr(both, name), getattr(USUAL, name))
        if kind.agent:
            assert not is_looser(kind, getattr(both, name), getattr(AGENT_LIMITS, name))
