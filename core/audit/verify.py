"""The check of the audit chain. Shares no code with `ledger`: one cannot excuse the other."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from core.audit.chain import MOST_FAULTS, START, Chain
from core.audit.sealed import Sealed
from core.audit.witnessed import NOTHING_KNOWN, Known, KnownHead, Witnesses
from core.domain.audit import AuditAnchor, AuditHead, AuditRecord, AuditReport, AuditSegment
from core.ports.segments import Archives
from core.ports.storage import Reader, Store
from core.tasks import RightOfWay

CL_ORD_ID_ANCHOR = "cl_ord_id"
NO_ORDERS = AuditAnchor(CL_ORD_ID_ANCHOR, 0, 0, 0)
# Records that are read and walked at a time, in parts between which an order may pass.
BATCH, PART, SLICE = 2_000, 1_000, 100
Progress = Callable[[int], None]


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
        way: whom the check stands aside for, after every few records.
    """

    def __init__(
        self,
        store: Store,
        witnesses: Witnesses | None = None,
        archives: Archives | None = None,
        way: RightOfWay | None = None,
    ) -> None:
        self._store = store
        self._way = way or RightOfWay()
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
        records = await self._store.read(self._page(after_seq))
        while len(records) == BATCH:
            # A full page is walked on a thread, while the next one is read.
            following = self._store.read(self._page(records[-1].seq))
            records, _ = await asyncio.gather(following, asyncio.to_thread(self._on, walk, records))
            progress(chain.head.seq)
        walk.on(records)
        report = walk.report(self._orders if after_seq else NO_ORDERS)
        self._orders = next((each for each in report.held if each.place == CL_ORD_ID_ANCHOR), NO_ORDERS)
        if not report.faults:
            self._good = chain.head
        return report

    def _on(self, walk: Walk, records: Sequence[AuditRecord]) -> None:
        for begin in range(0, len(records), SLICE):
            self._way.give()
            walk.on(records[begin : begin + SLICE])

    def _page(self, after_seq: int) -> Callable[[Reader], tuple[AuditRecord, ...]]:
        def read(reader: Reader) -> tuple[AuditRecord, ...]:
            found: list[AuditRecord] = []
            while len(found) < BATCH:
                self._way.give()
                wanted = min(PART, BATCH - len(found))
                part = reader.audit_records(found[-1].seq if found else after_seq, wanted)
                found.extend(part)
                if len(part) < wanted:
                    break
            return tuple(found)

        return read


def _segments(reader: Reader) -> tuple[AuditSegment, ...]:
    return reader.audit_segments()
