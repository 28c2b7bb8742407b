"""The check of the audit chain. Shares no code with `ledger`: one cannot excuse the other."""

import hashlib
import struct
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable

from core.domain.audit import AuditFault, AuditHead, AuditRecord, AuditReport
from core.ports.storage import Reader, Store

START = AuditHead(0, "A" * 43)  # 32 zero bytes
CL_ORD_ID_ANCHOR = "cl_ord_id"
BATCH = 2_000
MOST_FAULTS = 100

_LABEL = b"investiq-audit-v1"
_GENESIS = "genesis"
# The records in whose transaction an order id is made.
_MINTED = frozenset({"order.prepared", "replace.requested"})
_OURS = "IQ-"
_OURS_LENGTH = 36
_WITNESS = 11
_NUMBERS = struct.Struct(">IQIq")
_LENGTH = struct.Struct(">I")


class Chain:
    """A walk along the chain, record by record, in memory of constant size.

    Attributes:
        verified_to: number of the last record up to which everything holds.
        faults: the first hundred.
        witnesses: order ids that were held against the chain.
    """

    def __init__(self, start: AuditHead = START) -> None:
        self._last = start
        self.verified_to = start.seq
        self.faults: list[AuditFault] = []
        self.witnesses = 0

    @property
    def head(self) -> AuditHead:
        """The record that was walked last."""
        return self._last

    def walk(self, records: Iterable[AuditRecord]) -> None:
        """Check records that follow, ascending as stored."""
        for record in records:
            fault = self._fault(record)
            if fault is not None:
                self._note(record.seq, fault)
            elif not self.faults:
                self.verified_to = record.seq
            # What comes next is held against what stands here, so that one edit is one fault.
            self._last = AuditHead(record.seq, record.digest)

    def expect(self, known: AuditHead) -> None:
        """Check a head that is known to have existed; called when the walk stands on or before it."""
        if self._last.seq < known.seq:
            self._note(
                self._last.seq + 1, f"records up to {known.seq} are known to have existed and are missing"
            )
        elif self._last.seq == known.seq and self._last.digest != known.digest:
            self._note(known.seq, "another record stands here than the one that is known to have existed")

    def _note(self, seq: int, reason: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(AuditFault(seq, reason))
            self.verified_to = min(self.verified_to, seq - 1)

    def _fault(self, record: AuditRecord) -> str | None:
        last = self._last
        if record.seq != last.seq + 1:
            return f"number {record.seq} follows number {last.seq}: some are missing, added or moved"
        if record.prev_digest != last.digest:
            return (
                "it does not continue the record before it: one of the two was changed, or the chain forked"
            )
        if last.seq == 0 and record.action != _GENESIS:
            return "the first record is not the genesis"
        return _changed(record) or self._unwitnessed(record)

    def _unwitnessed(self, record: AuditRecord) -> str | None:
        cl_ord_id = record.cl_ord_id
        if record.action not in _MINTED or not cl_ord_id.startswith(_OURS) or len(cl_ord_id) != _OURS_LENGTH:
            return None
        self.witnesses += 1
        if cl_ord_id[-_WITNESS:] == record.prev_digest[:_WITNESS]:
            return None
        return f"order {cl_ord_id} bears witness to another record before it than the one that stands here"


def _changed(record: AuditRecord) -> str | None:
    try:
        if _letters(hashlib.sha256(record.payload.encode()).digest()) != record.payload_hash:
            return "the payload is not the one that was recorded"
        if _letters(_digest(record)) != record.digest:
            return "a column is not what was recorded"
    except (UnicodeEncodeError, struct.error, ValueError):
        return "a column holds what cannot have been recorded"
    return None


def _digest(record: AuditRecord) -> bytes:
    sha = hashlib.sha256(_LABEL)
    sha.update(_NUMBERS.pack(8, record.seq, 8, record.ts_utc_us))
    for word in (
        record.actor,
        record.role,
        record.session,
        record.action,
        record.entity,
        record.order_id,
        record.cl_ord_id,
        record.payload_hash,
    ):
        raw = word.encode()
        sha.update(_LENGTH.pack(len(raw)) + raw)
    before = b64decode(record.prev_digest + "=", altchars=b"-_", validate=True)
    sha.update(_LENGTH.pack(len(before)) + before)
    return sha.digest()


def _letters(digest: bytes) -> str:
    return b64encode(digest, altchars=b"-_")[:43].decode("ascii")


def verify(
    records: Iterable[AuditRecord], start: AuditHead = START, expected: AuditHead | None = None
) -> AuditReport:
    """Check records one after the other.

    Args:
        records: ascending, as stored; read once, none is kept.
        start: the head before the first of them, known to be good.
        expected: a head that is known to have existed; None if there is none.
    """
    chain = Chain(start)
    for record in records:
        chain.walk((record,))
        if expected is not None and record.seq == expected.seq:
            chain.expect(expected)
    if expected is not None and chain.head.seq < expected.seq:
        chain.expect(expected)
    return _report(chain)


def _report(chain: Chain) -> AuditReport:
    anchors = (CL_ORD_ID_ANCHOR,) if chain.witnesses else ()
    return AuditReport(chain.verified_to, chain.head, tuple(chain.faults), anchors)


class Verifier:
    """Checks the chain in the database, in pages, so that the writer never waits for it.

    Remembers the last good head: a later check finds it gone if the chain was cut or swapped meanwhile.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._good = START
        self._has_witness = False

    async def verify(self) -> AuditReport:
        """Check every record, and that the head that was good last time is still there.

        Raises:
            StorageError: the chain could not be read; it is neither good nor bad.
        """
        return await self._walk(Chain(), self._good)

    async def verify_new(self) -> AuditReport:
        """Check only what was added since the last check that found no fault.

        Raises:
            StorageError: the chain could not be read; it is neither good nor bad.
        """
        good = self._good
        if good.seq == 0:
            return await self.verify()
        standing = await self._store.read(lambda reader: reader.audit_records(good.seq - 1, 1))
        if not standing or (standing[0].seq, standing[0].digest) != (good.seq, good.digest):
            return await self.verify()
        return await self._walk(Chain(good), good)

    async def _walk(self, chain: Chain, known: AuditHead) -> AuditReport:
        is_known_met = chain.head == known
        more = True
        while more:
            records = await self._store.read(_page(chain.head.seq, BATCH))
            more = len(records) == BATCH
            for record in records:
                chain.walk((record,))
                if not is_known_met and record.seq == known.seq:
                    chain.expect(known)
                    is_known_met = True
        if not is_known_met:
            chain.expect(known)
        self._has_witness = self._has_witness or chain.witnesses > 0
        if not chain.faults:
            self._good = chain.head
        anchors = (CL_ORD_ID_ANCHOR,) if self._has_witness else ()
        return AuditReport(chain.verified_to, chain.head, tuple(chain.faults), anchors)


def _page(after_seq: int, limit: int) -> Callable[[Reader], tuple[AuditRecord, ...]]:
    return lambda reader: reader.audit_records(after_seq, limit)
