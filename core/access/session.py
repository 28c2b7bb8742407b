"""The lock of the session: what passes while nobody who is known sits at the window."""

from typing import Any

from core.access.policy import authorize
from core.domain import messages as m
from core.domain.access import Actor
from core.domain.risk import Outcome, RuleCode, Verdict
from core.errors import RefusalCode, Refused

LOCKED = "The window is locked: cancels and orders that lessen a position pass, and nothing else."

# An order passes to the rules, which let it through if it is proven to lessen a position.
PASSING: frozenset[type[m.Command[Any]]] = frozenset(
    {
        m.UnlockSession,
        m.LockSession,
        m.CancelOrder,
        m.CancelOrders,
        m.HaltTrading,
        m.KillTrading,
        m.ClosePosition,
        m.SubmitOrder,
        m.PreviewOrder,
        m.SizeOrder,
        m.ReplaceOrder,
        m.CheckOrder,
        m.GiveUpOrder,
        m.Reconnect,
        m.Reconcile,
        m.SaveSetting,
        m.LoadSnapshot,
        m.LoadLive,
        m.LoadBreakers,
        m.LoadAlarms,
        m.LoadProposals,
        m.LoadDailyReport,
        m.LoadMetrics,
        m.LoadFills,
        m.LoadExternal,
        m.LoadBars,
        m.LoadRisk,
        m.LoadRadar,
        m.LoadPortfolio,
        m.LoadAudit,
        m.LoadLockOut,
        m.NoteLockOut,
        m.GetTargetProfile,
        m.ScanMovers,
        m.FollowAudit,
        m.VerifyAudit,
        m.ExplainPosition,
        m.ExplainOrder,
        m.ExplainFigure,
    }
)


class SessionLock:
    """Authorises commands: by role always, and by what passes while it is locked."""

    def __init__(self) -> None:
        self.is_locked = False

    def authorize(self, command: m.Command[Any], actor: Actor) -> None:
        """Let a command pass, or refuse it.

        Raises:
            Refused: as `policy.authorize`; `LOCKED` for what does not pass while it is locked.
        """
        authorize(command, actor)
        if self.is_locked and type(command) not in PASSING:
            raise Refused(RefusalCode.LOCKED, LOCKED, {"command": type(command).__name__})

    def explained(self, refusal: Refused) -> Refused:
        """Name the lock where it is why an order was refused."""
        verdict = refusal.cause
        is_about_state = refusal.code is RefusalCode.HALTED or (
            isinstance(verdict, Verdict)
            and any(
                each.code is RuleCode.TRADING_STATE and each.outcome is Outcome.HARD
                for each in verdict.results
            )
        )
        if not self.is_locked or not is_about_state:
            return refusal
        return Refused(RefusalCode.LOCKED, LOCKED, refusal.details, verdict)
