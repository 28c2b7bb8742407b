"""Every command against every role, written out by hand: deny by default."""

from pathlib import Path
from typing import Any

import pytest

from core.access.policy import PERMISSIONS, authorize, may
from core.domain import messages as m
from core.domain.access import Actor, LockOut, Origin
from core.domain.breakers import BreakerName
from core.domain.figures import FigureName
from core.domain.market import Timeframe
from core.domain.records import AuditQuery, Watchlist
from core.errors import InvariantBroken, RefusalCode, Refused
from core.ids import ClOrdId, IdempotencyKey
from core.orders.desk import Desk
from tests.builders import AAPL
from tests.fakes.rig import Rig, draft

KEY, ORDER = IdempotencyKey("k"), ClOrdId("IQ-1")
ANYBODY: tuple[m.Command[Any], ...] = (
    m.LoadSnapshot(), m.LoadLive(), m.LoadMetrics(), m.LoadFills(), m.LoadExternal(), m.FollowAudit(),
    m.LoadBreakers(), m.LoadAlarms(), m.LoadProposals(), m.LoadDailyReport(), m.ExportDailyReport(Path("x")),
    m.LoadRisk(), m.GetTargetProfile(), m.LoadRadar(),
    m.LoadBars(AAPL, Timeframe.M1), m.LoadAudit(AuditQuery()), m.VerifyAudit(),
    m.LoadPortfolio(), m.ExplainFigure(FigureName.EQUITY),
    m.ExplainPosition(AAPL), m.ExplainOrder(ORDER), m.SaveWatchlist(Watchlist("A", ())),
    m.RemoveWatchlist("A"), m.ImportWatchlist("A", Path("a.csv")), m.SaveSetting("a", "1"), m.ScanMovers(),
    m.LockSession(m.LockReason.KEY), m.UnlockSession("x"),
)  # fmt: skip
TRADERS: tuple[m.Command[Any], ...] = (
    m.SizeOrder(draft()),
    m.PreviewOrder(draft()), m.SubmitOrder(draft(), KEY), m.CancelOrder(ORDER), m.CancelOrders(),
    m.ReplaceOrder(ORDER, KEY, "1"), m.ClosePosition(AAPL, KEY), m.CheckOrder(ORDER), m.ResendOrder(ORDER),
    m.GiveUpOrder(ORDER), m.HaltTrading("x"), m.SetConfirmAlways(on=True), m.KeepProfile("a", "b"),
    m.SetLockAfter(15), m.Reconnect(m.Part.ORDERS), m.Reconcile(), m.KillTrading("x"),
    m.ProposeOrder(draft(), "a", "b"), m.ReviewProposal("p", True, "r"), m.AcknowledgeAlarms(()),
)  # fmt: skip
ADMINS: tuple[m.Command[Any], ...] = (
    m.MakeBackup(),
    m.StopBackup(),
    m.LoadLockOut(),
    m.NoteLockOut(LockOut()),
    m.ResumeTrading("x"),
    m.SetRiskParameters((), "x"),
    m.UpdateTargetProfile((), "x"),
    m.AcknowledgeBreaker(BreakerName.DRAWDOWN, "", "x"),
)
MATRIX = [
    (command, role, allowed)
    for commands, roles in (
        (ANYBODY, {"viewer", "trader", "admin"}),
        (TRADERS, {"trader", "admin"}),
        (ADMINS, {"admin"}),
    )
    for command in commands
    for role in ("viewer", "trader", "admin", "", "readonly", "Admin", "ADMIN", "trader ", "root", "desk")
    for allowed in [role in roles]
]


def actor(role: str) -> Actor:
    return Actor("kim", role, Origin.API, "s")


@pytest.mark.parametrize(
    ("command", "role", "allowed"), MATRIX, ids=[f"{type(c).__name__}-{r or 'empty'}" for c, r, _ in MATRIX]
)
def test_a_command_passes_for_the_roles_of_the_table_only(
    command: m.Command[Any], role: str, allowed: bool
) -> None:
    try:
        authorize(command, actor(role))
        refusal = None
    except Refused as error:
        refusal = error

    assert (refusal is None) is allowed
    assert may(type(command), role) is allowed
    if refusal is not None:
        known = role in ("viewer", "trader", "admin")
        assert refusal.code is (RefusalCode.NOT_PERMITTED if known else RefusalCode.UNKNOWN_ROLE)


def test_the_matrix_covers_every_command_there_is() -> None:
    assert {type(command) for command, _, _ in MATRIX} == set(PERMISSIONS)


def test_a_command_that_is_in_no_table_is_refused_for_everybody() -> None:
    class Unheard(m.Command[None]):
        pass

    with pytest.raises(Refused) as caught:
        authorize(Unheard(), actor("admin"))

    assert "nobody" in caught.value.message
    assert not may(Unheard, "admin")


async def test_the_desk_carries_out_every_command_of_the_table(tmp_path: Path) -> None:
    rig = await Rig(tmp_path).start()

    commands = rig.core.desk.commands

    assert commands == set(PERMISSIONS)
    await rig.stop()


async def test_a_refused_command_is_recorded_with_who_wanted_it(tmp_path: Path) -> None:
    rig = await Rig(tmp_path).start()

    with pytest.raises(Refused):
        await rig.do(m.SubmitOrder(draft(), KEY), "viewer")

    (record,) = await rig.store.read(lambda reader: reader.audit_page(AuditQuery(action="access.denied")))
    assert (record.actor, record.role, record.entity) == ("kim", "viewer", "SubmitOrder")
    await rig.stop()


async def test_a_command_has_exactly_one_handler(tmp_path: Path) -> None:
    rig = await Rig(tmp_path).start()
    bare = Desk(authorize, rig.core.journal)

    with pytest.raises(InvariantBroken):
        rig.core.desk.route(m.CancelOrders, rig.core.exits.cancel_all)
    with pytest.raises(InvariantBroken):
        await bare.execute(m.CancelOrders(), actor("trader"))

    await rig.stop()
