"""A record of the audit log, before and after it is sealed into the chain."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.domain.access import Actor


class AuditAction(StrEnum):
    """What happened; one word list for the whole program."""

    GENESIS = "genesis"
    PROGRAM_STARTED = "program.started"
    PROGRAM_STOPPED = "program.stopped"
    ORDER_PREPARED = "order.prepared"
    ORDER_SENT = "order.sent"
    ORDER_ACCEPTED = "order.accepted"
    ORDER_REJECTED = "order.rejected"
    ORDER_REFUSED = "order.refused"
    ORDER_FILLED = "order.filled"
    ORDER_CANCELED = "order.canceled"
    ORDER_EXPIRED = "order.expired"
    ORDER_REPLACED = "order.replaced"
    ORDER_CHANGED = "order.changed"
    ORDER_UNKNOWN = "order.unknown"
    ORDER_LOOKED_UP = "order.looked_up"
    ORDER_RESENT = "order.resent"
    ORDER_GIVEN_UP = "order.given_up"
    ORDER_SIGHTED = "order.sighted"
    CANCEL_REQUESTED = "cancel.requested"
    CANCEL_REFUSED = "cancel.refused"
    REPLACE_REQUESTED = "replace.requested"
    REPLACE_REFUSED = "replace.refused"
    CONFIRMATION_ASKED = "confirmation.asked"
    CONFIRMATION_GIVEN = "confirmation.given"
    CONFIRMATION_DENIED = "confirmation.denied"
    STATE_CHANGED = "trading_state.changed"
    SETTING_CHANGED = "setting.changed"
    WATCHLIST_CHANGED = "watchlist.changed"
    ACCESS_DENIED = "access.denied"
    API_LOCKED_OUT = "api.locked_out"
    LINK_CHANGED = "link.changed"
    RECONCILED = "reconciled"
    EMERGENCY_FOLDED = "emergency.folded"
    PROFILE_KEPT = "profile.kept"
    LIVE_AFFIRMED = "live.affirmed"
    ACCOUNT_ENROLLED = "account.enrolled"
    BREAKER_TRIPPED = "breaker.tripped"
    BREAKER_ACKNOWLEDGED = "breaker.acknowledged"
    BREAKER_ARMED = "breaker.armed"
    ALARM_ACKNOWLEDGED = "alarm.acknowledged"
    RISK_PARAMETER_CHANGED = "risk_parameter.changed"
    RISK_TARGET_CHANGED = "risk_target.changed"
    EQUITY_CLOSED = "equity.closed"
    CASH_FLOW_BOOKED = "cash_flow.booked"
    PROPOSAL_MADE = "proposal.made"
    PROPOSAL_REVIEWED = "proposal.reviewed"
    PROPOSAL_ENDED = "proposal.ended"
    USER_ADDED = "user.added"
    USER_CHANGED = "user.changed"
    USER_REMOVED = "user.removed"
    PASSPHRASE_CHANGED = "passphrase.changed"  # noqa: S105
    RECOVERY_MADE = "recovery.made"
    RECOVERY_USED = "recovery.used"
    KEYRING_CHANGED = "keyring.changed"
    KEY_ROTATED = "key.rotated"
    BACKUP_MADE = "backup.made"
    BACKUP_FAILED = "backup.failed"
    RESTORED = "restored"
    SCHEMA_UPGRADED = "schema.upgraded"
    SESSION_LOCKED = "session.locked"
    SESSION_UNLOCKED = "session.unlocked"
    UNLOCK_REFUSED = "unlock.refused"
    SECRET_SET = "secret.set"  # noqa: S105 - the name of an event
    SECRET_REMOVED = "secret.removed"  # noqa: S105
    SEGMENT_SEALED = "segment.sealed"
    FILLS_ARCHIVED = "fills.archived"


@dataclass(frozen=True, slots=True)
class AuditDraft:
    """What is to be recorded; the ledger adds place, time and digest.

    Attributes:
        entity: what it is about, in words a person can search for ("AAPL buy 20 limit 189.43").
        payload: canonical JSON, so that equal facts give equal bytes.
    """

    action: AuditAction
    actor: Actor
    entity: str
    payload: str = "{}"
    order_id: str = ""
    cl_ord_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditHead:
    """Where the chain stands: how many records, and the digest of the last.

    Attributes:
        seq: number of the last record; 0 before the genesis.
        digest: base64url text of 43 characters (32 bytes, no padding).
    """

    seq: int
    digest: str


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One sealed record.

    Attributes:
        seq: 1, 2, 3 ... without gaps.
        ts_utc_us: our time, microseconds since 1970-01-01 UTC.
        payload_hash: base64url SHA-256 of the payload's UTF-8 bytes.
        prev_digest: digest of the record before; of 32 zero bytes for the first.
        digest: base64url SHA-256 over a version label, every column length-prefixed, and prev_digest.
    """

    seq: int
    ts_utc_us: int
    actor: str
    role: str
    session: str
    action: str
    entity: str
    order_id: str
    cl_ord_id: str
    payload_hash: str
    prev_digest: str
    digest: str
    payload: str


@dataclass(frozen=True, slots=True)
class AuditSegment:
    """The seal of records that moved into an archive; it stays with the chain for ever.

    Attributes:
        prev_digest: digest of the record before the first one.
        last_digest: digest of the last one.
        sealed_at_us: our time, microseconds since 1970-01-01 UTC.
        file: name of the archive, without a folder.
        sha256: of the whole archive, hexadecimal.
        digest: base64url SHA-256 over all of the above and the digest of the seal before.
        key: of the archive, hexadecimal; known to the database alone.
    """

    first_seq: int
    last_seq: int
    prev_digest: str
    last_digest: str
    sealed_at_us: int
    file: str
    sha256: str
    digest: str
    key: str = field(repr=False)

    @property
    def records(self) -> int:
        """How many it holds."""
        return self.last_seq - self.first_seq + 1


@dataclass(frozen=True, slots=True)
class AuditFault:
    """The first place where the chain does not hold, and why.

    Attributes:
        seq: number of the record; 0 where it is about a witness, and no record in particular.
    """

    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class AuditAnchor:
    """What one witness outside the database keeps of the chain.

    Attributes:
        place: its name.
        count: how many heads it keeps, as of the last check of the whole; of order ids, how many agree.
        seq: number of the newest record that it knows.
        at_us: when it was told, our time, microseconds since 1970-01-01 UTC; 0 where nobody noted it.
    """

    place: str
    count: int
    seq: int
    at_us: int


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a verification found.

    Attributes:
        verified_to: number of the last record up to which everything holds.
        head: the chain's head as it stands in the database.
        faults: what does not hold, in order; empty when all is well.
        anchors: names of the witnesses that it could be checked against.
        silent: witnesses that gave no answer, and why.
        sealed_to: number of the last record that moved into an archive; 0 where none did.
        absent: archives that are not at hand; of their records the seals alone were checked.
        fills_seal: the newest seal of archived fills that a record which was read tells of; empty where none
            does.
        held: what each of the witnesses keeps.
    """

    verified_to: int
    head: AuditHead
    faults: tuple[AuditFault, ...]
    anchors: tuple[str, ...]
    silent: tuple[str, ...] = ()
    sealed_to: int = 0
    absent: tuple[str, ...] = ()
    fills_seal: str = ""
    held: tuple[AuditAnchor, ...] = ()


def payload_of(facts: Mapping[str, object]) -> str:
    """Write facts as canonical JSON: sorted keys, no spaces, numbers as text.

    Raises:
        TypeError: a value is neither text, int, bool, None, nor a list or mapping of these. Decimals
            are turned into text by the caller, so that none is ever rounded.
    """
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
