"""One table of every command and the roles that may give it; what is not in it is refused."""

from enum import StrEnum
from typing import Any

from core.domain import messages as m
from core.domain.access import Actor, Origin, Role
from core.errors import RefusalCode, Refused

_ANYBODY = frozenset(Role)
_TRADERS = frozenset({Role.TRADER, Role.ADMIN})
_ADMINS = frozenset({Role.ADMIN})

PERMISSIONS: dict[type[m.Command[Any]], frozenset[Role]] = {
    m.LoadSnapshot: _ANYBODY,
    m.LoadLive: _ANYBODY,
    m.LoadBreakers: _ANYBODY,
    m.LoadAlarms: _ANYBODY,
    m.LoadProposals: _ANYBODY,
    m.LoadDailyReport: _ANYBODY,
    m.ExportDailyReport: _ANYBODY,
    m.LoadMetrics: _ANYBODY,
    m.LoadFills: _ANYBODY,
    m.LoadExternal: _ANYBODY,
    m.LoadBars: _ANYBODY,
    m.LoadRisk: _ANYBODY,
    m.LoadRadar: _ANYBODY,
    m.GetTargetProfile: _ANYBODY,
    m.ScanMovers: _ANYBODY,
    m.LoadAudit: _ANYBODY,
    m.FollowAudit: _ANYBODY,
    m.VerifyAudit: _ANYBODY,
    m.ExplainPosition: _ANYBODY,
    m.ExplainOrder: _ANYBODY,
    m.LoadPortfolio: _ANYBODY,
    m.ExplainFigure: _ANYBODY,
    m.SaveWatchlist: _ANYBODY,
    m.RemoveWatchlist: _ANYBODY,
    m.ImportWatchlist: _ANYBODY,
    m.SaveSetting: _ANYBODY,
    m.LockSession: _ANYBODY,
    m.UnlockSession: _ANYBODY,
    m.PreviewOrder: _TRADERS,
    m.SizeOrder: _TRADERS,
    m.SubmitOrder: _TRADERS,
    m.CancelOrder: _TRADERS,
    m.CancelOrders: _TRADERS,
    m.ReplaceOrder: _TRADERS,
    m.ClosePosition: _TRADERS,
    m.CheckOrder: _TRADERS,
    m.ResendOrder: _TRADERS,
    m.GiveUpOrder: _TRADERS,
    m.HaltTrading: _TRADERS,
    m.KillTrading: _TRADERS,
    m.Reconnect: _TRADERS,
    m.Reconcile: _TRADERS,
    m.SetConfirmAlways: _TRADERS,
    m.ProposeOrder: _TRADERS,
    m.ReviewProposal: _TRADERS,
    m.AcknowledgeAlarms: _TRADERS,
    m.KeepProfile: _TRADERS,
    m.SetLockAfter: _TRADERS,
    m.ResumeTrading: _ADMINS,
    m.SetRiskParameters: _ADMINS,
    m.UpdateTargetProfile: _ADMINS,
    m.AcknowledgeBreaker: _ADMINS,
    m.MakeBackup: _ADMINS,
    m.StopBackup: _ADMINS,
    m.LoadLockOut: _ADMINS,
    m.NoteLockOut: _ADMINS,
}


# The agent may propose, and look; what it proposes is decided by a person (A2).
AGENTS: frozenset[type[m.Command[Any]]] = frozenset(
    {
        m.ProposeOrder,
        m.LoadProposals,
        m.LoadLive,
        m.LoadBars,
        m.LoadRisk,
        m.LoadRadar,
        m.LoadPortfolio,
        m.ScanMovers,
    }
)


class Duty(StrEnum):
    """What is done on the command line, beside the desk, on a profile that does not run."""

    LIST_USERS = "list users"
    CHANGE_OWN_PASSPHRASE = "change the passphrase"  # noqa: S105 - the name of a duty
    MANAGE_USERS = "change users"
    MANAGE_KEYS = "change the profile's keys"
    MANAGE_CREDENTIALS = "change credentials"
    MANAGE_BACKUPS = "make and restore backups"
    RUN_RETENTION = "archive old records"


DUTIES: dict[Duty, frozenset[Role]] = {
    Duty.LIST_USERS: _ANYBODY,
    Duty.CHANGE_OWN_PASSPHRASE: _ANYBODY,
    Duty.MANAGE_USERS: _ADMINS,
    Duty.MANAGE_KEYS: _ADMINS,
    Duty.MANAGE_CREDENTIALS: _ADMINS,
    Duty.MANAGE_BACKUPS: _ADMINS,
    Duty.RUN_RETENTION: _ADMINS,
}


def authorize_duty(duty: Duty, actor: Actor) -> None:
    """Let somebody do something on the command line, or refuse it.

    Raises:
        Refused: as `authorize`.
    """
    _admit(DUTIES.get(duty, frozenset()), actor, duty.value)


def authorize(command: m.Command[Any], actor: Actor) -> None:
    """Let a command pass, or refuse it.

    Raises:
        Refused: `UNKNOWN_ROLE` for a role that is not exactly one of ours, `NOT_PERMITTED` otherwise.
    """
    name = type(command).__name__
    if actor.origin is Origin.AGENT and type(command) not in AGENTS:
        text = "The agent may only propose; a person decides."
        raise Refused(RefusalCode.NOT_PERMITTED, text, {"command": name})
    _admit(PERMISSIONS.get(type(command), frozenset()), actor, name)


def _admit(allowed: frozenset[Role], actor: Actor, name: str) -> None:
    try:
        role = Role(actor.role)
    except ValueError as error:
        raise Refused(
            RefusalCode.UNKNOWN_ROLE,
            f"The role {actor.role!r} is not known, so it may do nothing.",
            {"command": name},
        ) from error
    if role not in allowed:
        who = " or ".join(sorted(allowed)) or "nobody"
        raise Refused(
            RefusalCode.NOT_PERMITTED,
            f"This needs the role {who}; {actor.user} is a {role}.",
            {"command": name, "role": role.value},
        )


def may(command: type[m.Command[Any]], role: str) -> bool:
    """Say whether a role may give a command; for hiding what would be refused."""
    return any(role == allowed.value for allowed in PERMISSIONS.get(command, frozenset()))
