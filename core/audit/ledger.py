"""The one writer of the audit chain. `verify` is written apart: neither can excuse the other."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, AuditHead, AuditRecord, payload_of
from core.errors import AuditUnwritable, StorageError
from core.ports.storage import UnitOfWork

VERSION = b"investiq-audit-v1"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGER_BYTES = 8
_LENGTH_BYTES = 4


def append(uow: UnitOfWork, draft: AuditDraft, now: datetime) -> AuditRecord:
    """Seal a draft onto the chain, in the transaction of what it records.

    Args:
        uow: the unit of work that also holds the change.
        draft: what happened.
        now: our time, UTC.

    Raises:
        AuditUnwritable: the unit of work must not go on, and what it records must not happen.
    """
    try:
        record = seal(uow.audit_head(), draft, now)
        uow.append_audit(record)
    except AuditUnwritable:
        raise
    except (StorageError, ValueError, OverflowError) as error:
        raise AuditUnwritable(f"the audit log takes no record: {error}") from error
    return record


def genesis(installation_id: str, created_at_us: int, actor: Actor, public_key: str = "") -> AuditDraft:
    """Make the first record: it binds the chain to one database and its moment of creation.

    Args:
        installation_id: what the database calls itself.
        created_at_us: our time, microseconds since 1970-01-01 UTC.
        actor: who made it.
        public_key: of the key that signs its heads, 64 hexadecimal digits; empty where there is none yet.
    """
    facts: dict[str, object] = {"created_at_us": created_at_us, "installation_id": installation_id}
    if public_key:
        facts["public_key"] = public_key
    return AuditDraft(AuditAction.GENESIS, actor, f"database {installation_id}", payload_of(facts))


def seal(head: AuditHead, draft: AuditDraft, now: datetime) -> AuditRecord:
    """Give a draft its place, time and digest after a head; pure."""
    record = AuditRecord(
        seq=head.seq + 1,
        ts_utc_us=(now - _EPOCH) // timedelta(microseconds=1),
        actor=_storable(draft.actor.user),
        role=_storable(draft.actor.role),
        session=_storable(draft.actor.session),
        action=draft.action.value,
        entity=_storable(draft.entity),
        order_id=_storable(draft.order_id),
        cl_ord_id=_storable(draft.cl_ord_id),
        payload_hash=_text(hashlib.sha256(_storable(draft.payload).encode()).digest()),
        prev_digest=head.digest,
        digest="",
        payload=_storable(draft.payload),
    )
    return replace(record, digest=_text(hashlib.sha256(_encoded(record)).digest()))


def _storable(text: str) -> str:
    # Half a surrogate pair in a broker's words has no UTF-8: it is written as its escape, then sealed.
    return text.encode("utf-8", "backslashreplace").decode()


def _encoded(record: AuditRecord) -> bytes:
    # Version label; each column as a 4-byte length and its bytes, integers as 8 bytes, all big-endian;
    # last the raw 32 bytes of the digest before. The lengths make "ab" + "c" differ from "a" + "bc".
    parts = (
        record.seq.to_bytes(_INTEGER_BYTES, "big"),
        record.ts_utc_us.to_bytes(_INTEGER_BYTES, "big", signed=True),
        record.actor.encode(),
        record.role.encode(),
        record.session.encode(),
        record.action.encode(),
        record.entity.encode(),
        record.order_id.encode(),
        record.cl_ord_id.encode(),
        record.payload_hash.encode(),
        urlsafe_b64decode(record.prev_digest + "="),
    )
    return VERSION + b"".join(len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in parts)


def _text(digest: bytes) -> str:
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
