"""The check of the audit chain. Shares no code with `ledger`: one cannot excuse the other."""

import asyncio
import hashlib
import json
import struct
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from core.audit.sealed import Sealed
from core.audit.witnessed import NOTHING_KNOWN, Known, KnownHead, Witnesses
from core.domain.audit import AuditAnchor, AuditFault, AuditHead, AuditRecord, AuditReport, AuditSegment
from core.ports.segments import Archives
from core.ports.storage import Reader, Store

START = AuditHead(0, "A" * 43)  # 32 zero bytes
CL_ORD_ID_ANCHOR = "cl_ord_id"
NO_ORDERS = AuditAnchor(CL_ORD_ID_ANCHOR, 0, 0, 0)
BATCH = 2_000
MOST_FAULTS = 100

_LABEL = b"investiq-audit-v1"
_GENESIS = "genesis"
# The records in whose transaction an order id is made.
_MINTED = frozenset({"order.prepared", "replace.requested"})
_SEALED = "segment.sealed"
_ARCHIVED = "fills.archived"
_OURS = "IQ-"
_OURS_LENGTH = 36
_WITNESS = 11
_numbers = struct.Struct(">17sIQIq").pack
_length = struct.Struct(">I").pack
_SAFE, _PLAIN = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_+/", b"+/??")

Progress = Callable[[int], None]


class Chain:
    """A walk along the chain, record by record, in memory of constant size.

    Attributes:
        verified_to: number of the last record up to which everything holds.
        faults: the first hundred.
        witnesses: order ids that were held against the chain.
        witnessed_to: number of the last record before one of them that agreed.
        sealing: digest of the newest seal, as the record of it says, and the number of that record.
        fills_seal: the same of archived fills, the digest alone.
    """

    def __init__(self, start: AuditHead = START, known: Known = NOTHING_KNOWN) -> None:
        self._last: AuditHead | AuditRecord = start
        self._known = known
        self._anchored = self._agreed = start.seq
        self._is_other = False
        self._is_sound = True
        self.verified_to = start.seq
        self.faults: list[AuditFault] = []
        self.witnesses = 0
        self.witnessed_to = 0
        self.sealing = ("", 0)
        self.fills_seal = ""

    @property
    def head(self) -> AuditHead:
        """The record that was walked last."""
        return AuditHead(self._last.seq, self._last.digest)

    def walk(self, records: Iterable[AuditRecord]) -> None:
        """Check records that follow, ascending as stored."""
        for record in records:
            fault = self._fault(record)
            self._is_sound = fault is None
            if fault is not None:
                self.note(record.seq, fault)
            elif not self.faults:
                self.verified_to = record.seq
            # What comes next is held against what stands here, so that one edit is one fault.
            self._last = record

    def expect(self, known: AuditHead, place: str = "") -> None:
        """Check a head that is known to have existed; called when the walk stands on or before it.

        The first that does not fit is told, since all that follow it do not fit either.
        """
        by = f" ({place})" if place else ""
        if self._last.seq < known.seq:
            self.note(
                self._last.seq + 1,
                f"records up to {known.seq} are known to have existed and are missing{by}: "
                "the record was cut, or put back to an earlier state",
            )
        elif self._last.seq == known.seq and self._last.digest == known.digest:
            self._anchored = known.seq
        elif self._is_sound and not self._is_other:
            # A record that is not sound in itself has its fault already.
            self._is_other = True
            self.note(
                known.seq,
                f"another record stands here than the one that is known to have existed{by}: "
                f"history was written anew at some record after {self._anchored}",
            )
            self._doubt_after(self._anchored)

    def _doubt_after(self, seq: int) -> None:
        # Nothing between the last witness that agreed and the one that does not is vouched for.
        self.verified_to = min(self.verified_to, seq)

    def leap(self, head: AuditHead) -> None:
        """Stand on a record that was sealed, and go on from there."""
        self._last = head
        self._is_sound = True
        if not self.faults:
            self.verified_to = head.seq

    def note(self, seq: int, reason: str) -> None:
        """Keep a fault; nothing from there on counts as verified."""
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
        if last.seq == 0:
            return self._no_genesis(record) or _changed(record)
        return _changed(record) or self._unwitnessed(record)

    def _no_genesis(self, record: AuditRecord) -> str | None:
        if record.action != _GENESIS:
            return "the first record is not the genesis"
        try:
            facts = json.loads(record.payload)
            bound = str(facts.get("installation_id", "")), str(facts.get("public_key", ""))
        except (ValueError, TypeError, AttributeError):
            return "the genesis says nothing that can be read"
        here = self._known.installation_id, self._known.public_key.hex()
        for what, in_genesis, found in zip(("database", "signing key"), bound, here, strict=True):
            if in_genesis and found and in_genesis != found:
                return f"the genesis was made for another {what} than the one that is here"
        return None

    def _unwitnessed(self, record: AuditRecord) -> str | None:
        cl_ord_id = record.cl_ord_id
        if record.action == _SEALED:
            self.sealing = _seal_in(record), record.seq
        elif record.action == _ARCHIVED:
            self.fills_seal = _seal_in(record)
        if record.action not in _MINTED or not cl_ord_id.startswith(_OURS) or len(cl_ord_id) != _OURS_LENGTH:
            return None
        self.witnesses += 1
        if cl_ord_id[-_WITNESS:] == record.prev_digest[:_WITNESS]:
            self._agreed = self.witnessed_to = record.seq - 1
            return None
        self._doubt_after(max(self._anchored, self._agreed))
        return f"order {cl_ord_id} bears witness to another record before it than the one that stands here"


def _seal_in(record: AuditRecord) -> str:
    try:
        return str(json.loads(record.payload)["seal"])
    except (ValueError, TypeError, KeyError):
        return "nothing that can be read"


def _changed(record: AuditRecord) -> str | None:
    try:
        if _letters(hashlib.sha256(record.payload.encode()).digest()) != record.payload_hash:
            return "the payload is not the one that was recorded"
        if _letters(_digest(record)) != record.digest:
            return "a column is not what was recorded"
    except (UnicodeEncodeError, struct.error, ValueError, TypeError, AttributeError):
        # Also of another type: the database itself would take a number or bytes where a text belongs.
        return "a column holds what cannot have been recorded"
    return None


def _digest(record: AuditRecord) -> bytes:
    # Written out, since a million records are read: a loop over the columns takes half as long again.
    actor, role = record.actor.encode(), record.role.encode()
    session, action = record.session.encode(), record.action.encode()
    entity, order_id = record.entity.encode(), record.order_id.encode()
    cl_ord_id, payload_hash = record.cl_ord_id.encode(), record.payload_hash.encode()
    before = a2b_base64((record.prev_digest + "=").encode().translate(_PLAIN), strict_mode=True)
    joined = b"".join(
        (
            _numbers(_LABEL, 8, record.seq, 8, record.ts_utc_us),
            _length(len(actor)), actor, _length(len(role)), role,
            _length(len(session)), session, _length(len(action)), action,
            _length(len(entity)), entity, _length(len(order_id)), order_id,
            _length(len(cl_ord_id)), cl_ord_id, _length(len(payload_hash)), payload_hash,
            _length(len(before)), before,
        )
    )  # fmt: skip
    return hashlib.sha256(joined).digest()


def _letters(digest: bytes) -> str:
    return b2a_base64(digest, newline=False)[:43].translate(_SAFE).decode("ascii")


def verify(
    records: Iterable[AuditRecord], start: AuditHead = START, expected: AuditHead | None = None
) -> AuditReport:
    """Check records one after the other.

    Args:
        records: ascending, as stored; read once, none is kept.
        start: the head before the first of them, known to be good.
        expected: a head that is known to have existed; None if there is none.
    """
    walk = Walk(Chain(start), () if expected is None else (KnownHead(expected, "", ""),))
    for record in records:
        walk.on((record,))
    return walk.report()


class Walk:
    """A chain that is held against heads that are known to have existed, where they belong."""

    def __init__(self, chain: Chain, heads: Sequence[KnownHead], known: Known = NOTHING_KNOWN) -> None:
        self.chain = chain
        self._heads = heads
        self._known = known
        self._met = 0
        self._sealed = Sealed()

    def on(self, records: Sequence[AuditRecord]) -> None:
        """Walk on, ascending."""
        begin = 0
        while self._met < len(self._heads) and records:
            wanted = self._heads[self._met].head.seq
            if wanted > records[-1].seq:
                break
            end = next(n for n, record in enumerate(records) if record.seq >= wanted)
            stands_there = records[end].seq == wanted
            if end + stands_there > begin:
                self.chain.walk(records[begin : end + stands_there])
                begin = end + stands_there
            if stands_there:
                self._expect_next()
            else:  # the gap that it leaves is a fault of the walk
                self._met += 1
        self.chain.walk(records[begin:])

    def leap(self, head: AuditHead) -> None:
        """Go to the end of a segment; what was anchored within it, and not met, is held against nothing."""
        while self._met < len(self._heads) and self._heads[self._met].head.seq < head.seq:
            self._met += 1
        self.chain.leap(head)
        while self._met < len(self._heads) and self._heads[self._met].head.seq == head.seq:
            self._expect_next()

    def end_sealed(self, sealed: "Sealed") -> None:
        """Take what was found of the segments, once they were walked."""
        self._sealed = sealed

    def report(self, before: AuditAnchor = NO_ORDERS) -> AuditReport:
        """End the walk: what is known and was not met is missing.

        Args:
            before: order ids that were held against what stands before the walk.
        """
        if self._met < len(self._heads):
            self._met = len(self._heads) - 1
            self._expect_next()
        chain, known, sealed = self.chain, self._known, self._sealed
        named, where = chain.sealing
        if sealed.is_checked and named != sealed.digest:
            chain.note(where or sealed.to + 1, "the newest seal is not the one that the record tells of")
        faults = (*chain.faults, *known.faults[: MOST_FAULTS - len(chain.faults)])
        count, to = before.count + chain.witnesses, max(before.seq, chain.witnessed_to)
        held = (*known.held, *((replace(NO_ORDERS, count=count, seq=to),) if count else ()))
        return AuditReport(
            verified_to=chain.verified_to,
            head=chain.head,
            faults=faults,
            anchors=tuple(each.place for each in held),
            silent=known.silent,
            sealed_to=sealed.to,
            absent=tuple(sealed.absent),
            fills_seal=chain.fills_seal,
            held=held,
        )

    def _expect_next(self) -> None:
        known = self._heads[self._met]
        self._met += 1
        self.chain.expect(known.head, known.place)


class Verifier:
    """Checks the chain in the database, in pages, so that neither the writer nor the loop waits for it.

    Remembers the last good head: a later check finds it gone if the chain was cut or swapped meanwhile.

    Args:
        witnesses: what was signed and kept outside the database; None where nothing was.
        archives: where sealed records are; None where only their seals can be checked.
    """

    def __init__(
        self, store: Store, witnesses: Witnesses | None = None, archives: Archives | None = None
    ) -> None:
        self._store = store
        self._witnesses = witnesses
        self._archives = archives
        self._good = START
        self._known = NOTHING_KNOWN
        self._orders = NO_ORDERS
        self._sealed = Sealed()

    async def verify(self, progress: Progress = lambda _: None) -> AuditReport:
        """Check every record, and that all heads are still there that are known to have stood.

        Args:
            progress: told the number of the record that was read last, page after page.

        Raises:
            StorageError: the chain could not be read; it is neither good nor bad.
        """
        if self._witnesses is not None:
            # Before the first page: a head that is anchored meanwhile is not missed.
            self._known = await asyncio.to_thread(self._witnesses.ask)
        heads = sorted(
            (*self._known.heads, KnownHead(self._good, "", "")) if self._good.seq else self._known.heads,
            key=lambda each: each.head.seq,
        )
        while True:
            segments = await self._store.read(_segments)
            walk = Walk(Chain(known=self._known), heads, self._known)
            self._sealed = Sealed()
            await self._sealed.walk(segments, self._archives, walk, walk.on)
            walk.end_sealed(self._sealed)
            report = await self._walk(walk, 0, progress)
            # What was sealed while the walk was under way left from under its feet.
            if not report.faults or segments == await self._store.read(_segments):
                return report

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
        walk = Walk(Chain(good), (), self._known)
        report = await self._walk(walk, good.seq)
        if walk.chain.sealing[1]:
            # A new seal is held against all of them.
            return await self.verify()
        return replace(report, sealed_to=self._sealed.to, absent=tuple(self._sealed.absent))

    async def _walk(self, walk: Walk, after_seq: int, progress: Progress = lambda _: None) -> AuditReport:
        chain = walk.chain
        records = await self._store.read(_page(after_seq, BATCH))
        while len(records) == BATCH:
            # A full page is walked on a thread, while the next one is read.
            following = self._store.read(_page(records[-1].seq, BATCH))
            records, _ = await asyncio.gather(following, asyncio.to_thread(walk.on, records))
            progress(chain.head.seq)
        walk.on(records)
        report = walk.report(self._orders if after_seq else NO_ORDERS)
        self._orders = next((each for each in report.held if each.place == CL_ORD_ID_ANCHOR), NO_ORDERS)
        if not report.faults:
            self._good = chain.head
        return report


def _segments(reader: Reader) -> tuple[AuditSegment, ...]:
    return reader.audit_segments()


def _page(after_seq: int, limit: int) -> Callable[[Reader], tuple[AuditRecord, ...]]:
    return lambda reader: reader.audit_records(after_seq, limit)
