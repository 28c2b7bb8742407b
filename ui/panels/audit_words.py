"""Audit records in words for people: who, what, about what, with which outcome."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from core.domain.access import TradingState
from core.domain.audit import AuditAction, AuditRecord
from ui import format as fmt
from ui.models.columns import Mark

_A = AuditAction
_EVENTS: dict[str, str] = {
    _A.GENESIS: "Log begun",
    _A.PROGRAM_STARTED: "Program started",
    _A.PROGRAM_STOPPED: "Program stopped",
    _A.ORDER_PREPARED: "Order recorded",
    _A.ORDER_SENT: "Order sent",
    _A.ORDER_ACCEPTED: "Order accepted",
    _A.ORDER_REJECTED: "Order rejected",
    _A.ORDER_REFUSED: "Order refused",
    _A.ORDER_FILLED: "Order filled",
    _A.ORDER_CANCELED: "Order cancelled",
    _A.ORDER_EXPIRED: "Order expired",
    _A.ORDER_REPLACED: "Order replaced",
    _A.ORDER_CHANGED: "Order changed",
    _A.ORDER_UNKNOWN: "Outcome unknown",
    _A.ORDER_LOOKED_UP: "Outcome looked up",
    _A.ORDER_RESENT: "Order sent again",
    _A.ORDER_GIVEN_UP: "Order given up",
    _A.ORDER_SIGHTED: "Order sighted",
    _A.CANCEL_REQUESTED: "Cancel asked for",
    _A.CANCEL_REFUSED: "Cancel refused",
    _A.REPLACE_REQUESTED: "Change asked for",
    _A.REPLACE_REFUSED: "Change refused",
    _A.CONFIRMATION_ASKED: "Confirmation asked",
    _A.CONFIRMATION_GIVEN: "Confirmed",
    _A.CONFIRMATION_DENIED: "Not confirmed",
    _A.STATE_CHANGED: "Trading state changed",
    _A.SETTING_CHANGED: "Setting changed",
    _A.WATCHLIST_CHANGED: "Watchlist changed",
    _A.API_LOCKED_OUT: "API locked out",
    _A.ACCESS_DENIED: "Access denied",
    _A.LINK_CHANGED: "Link changed",
    _A.RECONCILED: "Compared with the broker",
    _A.EMERGENCY_FOLDED: "Emergency note folded in",
    _A.PROFILE_KEPT: "Profile kept",
    _A.LIVE_AFFIRMED: "Real money affirmed",
    _A.ACCOUNT_ENROLLED: "Account enrolled",
    _A.BREAKER_TRIPPED: "Breaker tripped",
    _A.BREAKER_ACKNOWLEDGED: "Breaker acknowledged",
    _A.BREAKER_ARMED: "Breaker armed",
    _A.ALARM_ACKNOWLEDGED: "Alarm seen",
    _A.RISK_PARAMETER_CHANGED: "Risk parameter changed",
    _A.RISK_TARGET_CHANGED: "Risk target changed",
    _A.EQUITY_CLOSED: "Equity at the close",
    _A.CASH_FLOW_BOOKED: "Cash moved",
    _A.PROPOSAL_MADE: "Proposal made",
    _A.PROPOSAL_REVIEWED: "Proposal decided",
    _A.PROPOSAL_ENDED: "Proposal ran out",
    _A.USER_ADDED: "User added",
    _A.USER_CHANGED: "User's role changed",
    _A.USER_REMOVED: "User removed",
    _A.PASSPHRASE_CHANGED: "Passphrase changed",
    _A.RECOVERY_MADE: "Recovery key made",
    _A.RECOVERY_USED: "Recovery key used",
    _A.KEYRING_CHANGED: "Way in by the keyring changed",
    _A.KEY_ROTATED: "Database key changed",
    _A.BACKUP_MADE: "Backup made",
    _A.BACKUP_FAILED: "No backup made",
    _A.RESTORED: "Backup restored",
    _A.SCHEMA_UPGRADED: "Database upgraded",
    _A.SESSION_LOCKED: "Window locked",
    _A.SESSION_UNLOCKED: "Window unlocked",
    _A.UNLOCK_REFUSED: "Wrong passphrase",
    _A.SECRET_SET: "Credential stored",
    _A.SECRET_REMOVED: "Credential removed",
    _A.SEGMENT_SEALED: "Old records archived",
    _A.FILLS_ARCHIVED: "Old fills archived",
}
_STOPS = frozenset(
    {_A.ORDER_REJECTED, _A.ORDER_REFUSED, _A.CANCEL_REFUSED, _A.REPLACE_REFUSED, _A.ACCESS_DENIED}
)
_WARNS = frozenset(
    {
        _A.BREAKER_TRIPPED,
        _A.ORDER_UNKNOWN,
        _A.ORDER_LOOKED_UP,
        _A.ORDER_SIGHTED,
        _A.EMERGENCY_FOLDED,
        _A.UNLOCK_REFUSED,
        _A.BACKUP_FAILED,
        _A.RESTORED,
    }
)
_TEXT_KEYS = ("text", "reason", "answer", "evidence")
_STATES: dict[object, str] = {
    TradingState.HALTED.value: "Trading halted",
    TradingState.REDUCING.value: "Trading reduced",
    TradingState.ACTIVE.value: "Trading resumed",
}


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A record and its words, made once when it came."""

    record: AuditRecord
    at: datetime
    actor: str
    event: str
    subject: str
    outcome: str
    mark: Mark | None


def row_of(record: AuditRecord, user: str) -> AuditRow:
    """Put a record in words.

    Args:
        record: as sealed.
        user: name of the person in front of the window, shown as "You".
    """
    facts = _facts(record.payload)
    return AuditRow(
        record=record,
        at=datetime.fromtimestamp(record.ts_utc_us / 1_000_000, UTC),
        actor="You" if record.actor == user else record.actor[:1].upper() + record.actor[1:],
        event=_event(record.action, facts),
        subject=_subject(record),
        outcome=_outcome(record.action, facts),
        mark=_mark(record.action, facts),
    )


def _facts(payload: str) -> dict[str, object]:
    try:
        found = json.loads(payload)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _event(action: str, facts: dict[str, object]) -> str:
    if action == _A.STATE_CHANGED:
        return _STATES.get(facts.get("after"), _EVENTS[action])
    return _EVENTS.get(action, action.replace(".", " ").replace("_", " ").capitalize())


def _subject(record: AuditRecord) -> str:
    if record.action == _A.STATE_CHANGED:
        return f"state {record.entity}"
    return record.entity


def _outcome(action: str, facts: dict[str, object]) -> str:
    if action in (_A.ORDER_FILLED, _A.EQUITY_CLOSED):
        return _figures(action, facts)
    refusal = _refusal(facts)
    if refusal:
        return refusal
    if "try" in facts:
        return f"try {facts['try']}: {facts.get('answer', '')}"
    if action == _A.ORDER_UNKNOWN:
        return f"counts as live; {facts.get('reason', '')}"
    for key in _TEXT_KEYS:
        if facts.get(key):
            return str(facts[key])
    if isinstance(facts.get("results"), list):
        return f"passes {len(_results(facts))} rules"
    return ""


def _figures(action: str, facts: dict[str, object]) -> str:
    if action == _A.ORDER_FILLED:
        return f"{facts.get('last_qty', fmt.UNKNOWN)} at {_price(facts.get('last_px'))}"
    if facts.get("missed"):
        return "missed: the program did not run"
    cash, positions = _price(facts.get("cash")), _price(facts.get("positions_value"))
    return f"cash {cash}, positions {positions}"


def _price(found: object) -> str:
    try:
        return fmt.exact(Decimal(str(found)))
    except InvalidOperation:
        return fmt.UNKNOWN


def _results(facts: dict[str, object]) -> list[dict[str, object]]:
    found = facts.get("results")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _refusal(facts: dict[str, object]) -> str:
    breaches = [each for each in _results(facts) if each.get("outcome") in ("hard", "soft")]
    breaches.sort(key=lambda each: each.get("outcome") != "hard")
    return str(breaches[0].get("text", "")) if breaches else ""


def _mark(action: str, facts: dict[str, object]) -> Mark | None:
    if action in _STOPS or facts.get("after") == TradingState.HALTED.value:
        return Mark.STOP
    return Mark.WARN if action in _WARNS else None
