"""Moves the oldest records of the chain into sealed archives, whole segments at a time.

The archive is written, read back and compared before the one transaction that stores its seal, records it and
deletes the records. Ended before that, the chain is as it was; ended after, it is sealed.
"""

import asyncio
import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.audit.chain import Chain
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, AuditHead, AuditRecord, AuditSegment, payload_of
from core.errors import DatabaseDamaged
from core.failpoints import failpoint
from core.ports.journal import Journal, Record
from core.ports.segments import Archives
from core.ports.storage import Reader, Store, UnitOfWork

VERSION = b"investiq-segment-v1"
# A segment is held in memory as it is written and read, and deleted in one transaction that orders wait for.
MOST_RECORDS = 10_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_START = AuditHead(0, "A" * 43)


@dataclass(frozen=True, slots=True)
class Span:
    """Records that are due to be sealed together."""

    first_seq: int
    last_seq: int

    @property
    def records(self) -> int:
        """How many they are."""
        return self.last_seq - self.first_seq + 1


def due_before(now: datetime, keep: timedelta) -> datetime:
    """Return the moment before which records are due: the start of a month, so that segments stay few.

    Args:
        now: our time, UTC.
        keep: how long a record stays at least.
    """
    return (now - keep).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


class Sealer:
    """Finds what is due and seals it. One at a time; the desk may write meanwhile."""

    def __init__(self, store: Store, journal: Journal, archives: Archives) -> None:
        self._store = store
        self._journal = journal
        self._archives = archives

    async def due(self, before: datetime) -> tuple[Span, ...]:
        """List what a run would seal now; changes nothing.

        Args:
            before: records made before this moment, UTC, up to the first that was not.

        Raises:
            StorageError: the chain could not be read.
        """
        at_us = (before - _EPOCH) // timedelta(microseconds=1)

        def query(reader: Reader) -> tuple[int, int]:
            segments, young = reader.audit_segments(), reader.first_audit_after(at_us)
            # The newest record stays, whatever its age: the next one continues it.
            end = reader.audit_head().seq - 1 if young is None else young - 1
            return segments[-1].last_seq if segments else 0, end

        begin, end = await self._store.read(query)
        return tuple(
            Span(first, min(first + MOST_RECORDS - 1, end))
            for first in range(begin + 1, end + 1, MOST_RECORDS)
        )

    async def run(self, before: datetime, now: datetime, actor: Actor) -> tuple[AuditSegment, ...]:
        """Seal what is due, and return the new seals.

        Args:
            before: as for `due`.
            now: our time, UTC.

        Raises:
            DatabaseDamaged: chain or archive do not hold; from there on nothing was sealed.
            StorageError: what was sealed so far stays sealed, the rest as it was.
        """
        await self.settle()
        sealed = [await self._seal(span, now, actor) for span in await self.due(before)]
        if sealed:
            await self.settle()
        return tuple(sealed)

    async def settle(self) -> None:
        """Finish what was cut off.

        Raises:
            StorageError: a file could not be moved or removed; nothing is lost.
        """
        segments = await self._store.read(lambda reader: reader.audit_segments())
        await asyncio.to_thread(self._archives.settle, segments)

    async def _seal(self, span: Span, now: datetime, actor: Actor) -> AuditSegment:
        before = await self._store.read(lambda reader: reader.audit_segments())
        records = await self._store.read(
            lambda reader: reader.audit_records(span.first_seq - 1, span.records)
        )
        head = AuditHead(before[-1].last_seq, before[-1].last_digest) if before else _START
        _check(records, head, span)
        name = f"audit-{span.first_seq:09d}-{span.last_seq:09d}-{secrets.token_hex(4)}.db"
        key = secrets.token_hex(32)
        sha256 = await asyncio.to_thread(self._archives.write, name, key, records)
        at_us = (now - _EPOCH) // timedelta(microseconds=1)
        segment = _segment(records, at_us, name, sha256, key, before[-1].digest if before else "")
        if await asyncio.to_thread(self._archives.read, segment) != records:
            raise DatabaseDamaged(f"archive {name} does not hold what was written; nothing was sealed")
        failpoint("retention.compared")

        def work(uow: UnitOfWork, record: Record) -> None:
            record(_draft(segment, actor))
            uow.seal_segment(segment)

        await self._journal.write(work)
        failpoint("retention.sealed")
        return segment


def _check(records: Sequence[AuditRecord], head: AuditHead, span: Span) -> None:
    # What does not hold stays where it is: an archive must not be what hides it.
    chain = Chain(head)
    chain.walk(records)
    if chain.faults or chain.head.seq != span.last_seq:
        where = chain.faults[0].seq if chain.faults else chain.head.seq + 1
        raise DatabaseDamaged(
            f"the audit chain does not hold at record {where}; from there on nothing was sealed. "
            "Run: audit verify"
        )


def _segment(
    records: Sequence[AuditRecord], at_us: int, name: str, sha256: str, key: str, before: str
) -> AuditSegment:
    first, last = records[0], records[-1]
    parts = (
        before.encode(),
        first.seq.to_bytes(8, "big"),
        last.seq.to_bytes(8, "big"),
        first.prev_digest.encode(),
        last.digest.encode(),
        at_us.to_bytes(8, "big", signed=True),
        name.encode(),
        sha256.encode(),
    )
    text = VERSION + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    digest = urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
    return AuditSegment(first.seq, last.seq, first.prev_digest, last.digest, at_us, name, sha256, digest, key)


def _draft(segment: AuditSegment, actor: Actor) -> AuditDraft:
    facts = {
        "file": segment.file,
        "first_seq": segment.first_seq,
        "last_digest": segment.last_digest,
        "last_seq": segment.last_seq,
        "seal": segment.digest,
        "sha256": segment.sha256,
    }
    entity = f"records {segment.first_seq} to {segment.last_seq}"
    return AuditDraft(AuditAction.SEGMENT_SEALED, actor, entity, payload_of(facts))
