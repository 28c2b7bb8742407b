"""Old records in sealed archives: none is lost, the chain holds with them and without, changes are found."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import failpoints
from core.audit import ledger, sealing
from core.audit.anchors import Anchorer
from core.audit.export import export_chain
from core.audit.journal import AuditJournal
from core.audit.sealing import Sealer, Span, due_before
from core.audit.verify import Verifier
from core.audit.witnessed import Witnesses
from core.bus import Bus
from core.clock import ManualClock
from core.domain.audit import AuditAction, AuditDraft, AuditRecord, AuditReport
from core.errors import DatabaseDamaged, StorageError, StorageUnwritable
from core.ids import CountedIds, mint_cl_ord_id
from core.storage import engine, vault
from core.storage import tables as t
from core.storage.segments import FOLDER, SegmentFiles
from core.storage.store import open_store
from resources import verify_audit
from tests.fakes.chain import DESK, SIGNER, ChainStore, KeptLines, line_of, reminted

OLD = datetime(2024, 3, 5, 14, 30, tzinfo=UTC)
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
BEFORE = due_before(NOW, timedelta(days=365))
YOUNG = 4


class Vaulted:
    """A database with old and young records, and the folder of its archives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = vault.create(folder, None)
        self.store = open_store(folder / "a.db", self.key, create=True)
        self.archives = SegmentFiles(folder / FOLDER)
        self.journal = AuditJournal(self.store, ManualClock(NOW), Bus(), folder / "emergency")
        self.sealer = Sealer(self.store, self.journal, self.archives)
        self.anchors: list[AuditRecord] = []
        self._ids = CountedIds()

    async def fill(self, old: int, young: int = YOUNG) -> tuple[AuditRecord, ...]:
        def work(uow: Any) -> None:
            for count, at in ((old, OLD), (young, NOW)):
                for _ in range(count):
                    head = uow.audit_head()
                    if head.seq == 0:
                        key = SIGNER.public_key.hex()
                        ledger.append(uow, ledger.genesis(self.store.installation_id, 1, DESK, key), at)
                        continue
                    order = mint_cl_ord_id(self._ids, head.digest) if head.seq % 3 == 0 else ""
                    action = AuditAction.ORDER_PREPARED if order else AuditAction.ORDER_FILLED
                    draft = AuditDraft(action, DESK, f"AAPL — buy {head.seq}", cl_ord_id=order)
                    ledger.append(uow, draft, at)

        await self.store.write(work)
        return await self.records()

    async def records(self) -> tuple[AuditRecord, ...]:
        return await self.store.read(lambda reader: reader.audit_records(0, 10_000))

    async def segments(self):
        return await self.store.read(lambda reader: reader.audit_segments())

    def witnesses(self) -> Witnesses:
        installation = self.store.installation_id
        lines = [line_of(each, SIGNER, installation) for each in self.anchors]
        return Witnesses(installation, SIGNER.public_key, [KeptLines("side file", *lines)])

    async def verify(self, *, at_hand: bool = True) -> AuditReport:
        archives = self.archives if at_hand else None
        return await Verifier(self.store, self.witnesses(), archives).verify()

    async def export(self, *, at_hand: bool = True) -> bytes:
        file = io.BytesIO()
        archives = self.archives if at_hand else None
        await export_chain(self.store, SIGNER, self.witnesses().ask(), file, NOW, archives=archives)
        return file.getvalue()

    def tamper(self, *statements: Any) -> None:
        writer = engine.writing_engine(self.store.path, self.key)
        with writer.connect() as connection, connection.begin():
            for table in ("audit_log", "audit_payload", "audit_segments"):
                for event in ("UPDATE", "DELETE", "chain"):
                    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{event}")
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_chain")
            for statement in statements:
                connection.execute(statement)
        writer.dispose()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch) -> Iterator[Vaulted]:
    monkeypatch.setattr(sealing, "MOST_RECORDS", 7)
    made = Vaulted(tmp_path)
    yield made
    failpoints.disarm_all()
    made.store.close()


def script(text: bytes) -> verify_audit.Check:
    check = verify_audit.Check(SIGNER.public_key)
    first, *rest = io.BytesIO(text).readlines()
    check.header(first)
    for number, line in enumerate(rest, 2):
        check.line(number, line)
    check.end()
    return check


async def sealed_all(desk: Vaulted, old: int = 20) -> tuple[AuditRecord, ...]:
    """Fill, anchor a few records, seal what is old; return what stood before."""
    before = await desk.fill(old)
    desk.anchors = [before[seq - 1] for seq in (2, 7, 14, 17, old, old + 1)]
    await desk.sealer.run(BEFORE, NOW, DESK)
    return before


def test_due_is_what_is_older_than_the_policy_up_to_the_start_of_a_month():
    assert due_before(datetime(2026, 3, 15, 7, tzinfo=UTC), timedelta(days=365)) == datetime(
        2025, 3, 1, tzinfo=UTC
    )
    assert due_before(datetime(2026, 3, 1, tzinfo=UTC), timedelta(days=1)) == datetime(2026, 2, 1, tzinfo=UTC)


async def test_dry_run_names_exactly_what_a_run_seals_and_changes_nothing(desk):
    before = await desk.fill(20)

    due = await desk.sealer.due(BEFORE)

    assert due == (Span(1, 7), Span(8, 14), Span(15, 20))
    assert await desk.records() == before
    assert not (desk.folder / FOLDER).exists()
    sealed = await desk.sealer.run(BEFORE, NOW, DESK)
    assert [(each.first_seq, each.last_seq, each.records) for each in sealed] == [
        (span.first_seq, span.last_seq, span.records) for span in due
    ]
    assert await desk.sealer.due(BEFORE) == ()


async def test_database_and_archives_together_are_what_there_was_before(desk):
    before = await sealed_all(desk)

    archived = [record for each in await desk.segments() for record in desk.archives.read(each)]
    standing = await desk.records()

    assert (*archived, *standing[: len(before) - 20]) == before
    assert [each.action for each in standing[YOUNG:]] == ["segment.sealed"] * 3
    assert [each.seq for each in standing] == list(range(21, 21 + YOUNG + 3))


async def test_chain_holds_with_its_archives_and_anchors_within_them_are_met(desk):
    await sealed_all(desk)

    report = await desk.verify()

    assert (report.faults, report.sealed_to, report.absent) == ((), 20, ())
    assert (report.verified_to, report.anchors) == (27, ("side file", "cl_ord_id"))
    check = script(await desk.export())
    assert (check.faults, check.count, check.absent) == ([], 27, [])


async def test_chain_holds_without_its_archives_and_says_so(desk):
    await sealed_all(desk)

    report = await desk.verify(at_hand=False)

    assert (report.faults, report.sealed_to, len(report.absent), report.verified_to) == ((), 20, 3, 27)
    assert "records 1 to 7" in report.absent[0]
    check = script(await desk.export(at_hand=False))
    assert (check.faults, check.count) == ([], 7)
    assert [each["last_seq"] for each in check.absent] == [7, 14, 20]


async def test_export_holds_no_key_of_an_archive(desk):
    await sealed_all(desk)

    text = await desk.export()

    for segment in await desk.segments():
        assert segment.key.encode() not in text
        assert segment.key not in repr(segment)


async def test_one_archive_that_is_gone_is_told_and_the_others_are_read(desk):
    await sealed_all(desk)
    gone = (await desk.segments())[1]
    (desk.folder / FOLDER / gone.file).unlink()

    report = await desk.verify()
    check = script(await desk.export())

    assert report.faults == ()
    assert report.absent == (f"archive {gone.file} with records 8 to 14 is not at hand",)
    assert (check.faults, check.count) == ([], 20)
    assert [(each["first_seq"], each["last_seq"]) for each in check.absent] == [(8, 14)]


async def test_later_runs_go_on_where_the_last_one_ended(desk):
    await sealed_all(desk)
    later = NOW + timedelta(days=500)

    again = await desk.sealer.run(due_before(later, timedelta(days=365)), later, DESK)

    # The seals' own records were sealed in their turn; the newest record always stays.
    assert [(each.first_seq, each.last_seq) for each in again] == [(21, 26)]
    report = await desk.verify()
    assert (report.faults, report.sealed_to, report.verified_to) == ((), 26, 28)
    assert script(await desk.export()).faults == []
    assert script(await desk.export(at_hand=False)).faults == []


@pytest.mark.parametrize(("old", "young"), [(0, 0), (1, 0), (0, 5)])
async def test_nothing_is_sealed_where_nothing_is_due_or_only_the_newest_stands(desk, old, young):
    await desk.fill(old, young)

    assert await desk.sealer.run(BEFORE, NOW, DESK) == ()
    assert not (desk.folder / FOLDER).exists()


async def test_record_of_a_clock_that_ran_ahead_keeps_what_is_behind_it(desk):
    await desk.fill(5, 1)
    await desk.fill(5, 1)

    assert await desk.sealer.due(BEFORE) == (Span(1, 5),)


@pytest.mark.parametrize("column", [each.name for each in t.audit_segments.c])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("at_hand", [True, False])
async def test_every_changed_column_of_every_seal_is_found(desk, column, place, at_hand):
    await sealed_all(desk)
    seal = (await desk.segments())[place]
    old = getattr(seal, column)
    value = (
        old + (-1 if column == "first_seq" else 1_000)
        if isinstance(old, int)
        else ("B" if old[0] == "a" else "a") + old[1:]
    )
    seals = t.audit_segments
    desk.tamper(seals.update().where(seals.c.first_seq == seal.first_seq).values({column: value}))

    report = await desk.verify(at_hand=at_hand)
    faults = script(await desk.export(at_hand=at_hand)).faults

    if column == "key":  # no part of the seal: a key that is not the one opens nothing
        assert bool(report.faults) is at_hand
        assert not at_hand or report.faults[0].seq == seal.first_seq
        return
    assert seal.first_seq - 1 <= report.faults[0].seq <= seal.last_seq + 1
    assert report.verified_to <= seal.last_seq
    assert faults


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_seal_that_is_taken_out_is_found(desk, place):
    await sealed_all(desk)
    seal = (await desk.segments())[place]
    desk.tamper(t.audit_segments.delete().where(t.audit_segments.c.first_seq == seal.first_seq))

    assert (await desk.verify()).faults[0].seq in {seal.first_seq, seal.last_seq + 1}
    assert script(await desk.export()).faults


async def test_all_seals_taken_out_or_one_without_its_record_are_found(desk):
    await sealed_all(desk)
    seals = await desk.segments()
    desk.tamper(t.audit_segments.delete())
    assert (await desk.verify()).faults[0].seq == 21

    # A seal that fits, over records that were never sealed: nothing in the record tells of it.
    forged = sealing._segment(desk.archives.read(seals[0]), 1, "x.db", "00" * 32, "00" * 32, "")
    values = {column.name: getattr(forged, column.name) for column in t.audit_segments.c}
    desk.tamper(t.audit_segments.insert().values(values))
    assert (await desk.verify(at_hand=False)).faults


async def test_whole_row_of_seals_forged_anew_is_found_by_the_record_of_the_newest(desk):
    await sealed_all(desk)
    seals, made, before = await desk.segments(), [], ""
    for seal in seals:
        records = desk.archives.read(seal)
        made.append(sealing._segment(records, 5, seal.file, seal.sha256, seal.key, before))
        before = made[-1].digest
    rows = [{column.name: getattr(each, column.name) for column in t.audit_segments.c} for each in made]
    desk.tamper(t.audit_segments.delete(), *(t.audit_segments.insert().values(row) for row in rows))

    for at_hand in (True, False):
        newest = (await desk.records())[-1].seq
        assert [fault.seq for fault in (await desk.verify(at_hand=at_hand)).faults] == [newest]
        faults = script(await desk.export(at_hand=at_hand)).faults
        assert [(each["kind"], each["seq"]) for each in faults] == [("sealed", newest)]


def rewritten(
    desk: Vaulted, change: Callable[[list[AuditRecord]], list[AuditRecord]], place: int, seals
) -> None:
    """Put another archive in the place of one, as whoever has the key could; its seal names the new file."""
    seal = seals[place]
    records = change(list(desk.archives.read(seal)))
    path = desk.folder / FOLDER / seal.file
    path.unlink()
    sha = desk.archives.write(seal.file, seal.key, records)
    desk.archives.settle(seals)
    columns = t.audit_segments.c
    desk.tamper(t.audit_segments.update().where(columns.first_seq == seal.first_seq).values(sha256=sha))


@pytest.mark.parametrize(
    "column", ["ts_utc_us", "actor", "action", "entity", "payload", "digest", "cl_ord_id"]
)
async def test_record_that_is_changed_within_an_archive_is_found_where_it_is(desk, column):
    await sealed_all(desk)

    def change(records: list[AuditRecord]) -> list[AuditRecord]:
        old = getattr(records[2], column)
        value = old + 1 if isinstance(old, int) else "x" + old[1:] if column == "digest" else old + "x"
        records[2] = replace(records[2], **{column: value})
        return records

    rewritten(desk, change, 1, await desk.segments())

    # The seal itself does not hold any more, and within its records the one that was changed.
    assert {8, 10} <= {fault.seq for fault in (await desk.verify()).faults}
    assert {8, 10} <= {each["seq"] for each in script(await desk.export()).faults}


@pytest.mark.parametrize(
    "change", [lambda r: r[:-1], lambda r: r[:2] + r[3:], lambda r: [*r, replace(r[-1], seq=r[-1].seq + 1)]]
)
async def test_archive_with_a_record_too_few_or_too_many_is_found(desk, change):
    await sealed_all(desk)
    rewritten(desk, change, 1, await desk.segments())

    assert len((await desk.verify()).faults) >= 2
    assert script(await desk.export()).faults


async def test_changed_byte_of_an_archive_is_found_and_located(desk):
    await sealed_all(desk)
    seal = (await desk.segments())[1]
    path = desk.folder / FOLDER / seal.file
    text = bytearray(path.read_bytes())
    text[len(text) // 2] ^= 1
    path.write_bytes(bytes(text))

    report = await desk.verify()

    assert [fault.seq for fault in report.faults] == [8]
    assert "is not the file that was sealed" in report.faults[0].reason
    assert report.verified_to == 7


async def test_history_rewritten_before_the_seals_is_betrayed_by_an_anchor_within_them(desk):
    before = await desk.fill(20)
    desk.anchors = [before[9]]
    forged = reminted([*before[:3], replace(before[3], entity="forged"), *before[4:]], 3)
    log, payload = t.audit_log, t.audit_payload
    rows = [{column.name: getattr(each, column.name) for column in log.c} for each in forged]
    bodies = [{"seq": each.seq, "payload": each.payload} for each in forged]
    # With the record of that time put back, all that follows is a whole chain again.
    desk.tamper(payload.delete(), log.delete(), log.insert().values(rows), payload.insert().values(bodies))
    await desk.sealer.run(datetime(2030, 1, 1, tzinfo=UTC), NOW, DESK)

    assert [fault.seq for fault in (await desk.verify()).faults] == [10]
    assert ("rewritten", 10) in [(each["kind"], each["seq"]) for each in script(await desk.export()).faults]


async def test_anchor_at_the_end_of_a_segment_is_held_against_its_seal(desk):
    before = await sealed_all(desk)
    desk.anchors = [replace(before[13], digest=before[12].digest)]

    assert [fault.seq for fault in (await desk.verify(at_hand=False)).faults] == [14]
    kinds = [(each["kind"], each["seq"]) for each in script(await desk.export(at_hand=False)).faults]
    assert kinds == [("rewritten", 14)]


async def test_record_that_was_sealed_and_stands_in_the_database_again_is_found(desk):
    before = await sealed_all(desk)
    row = {column.name: getattr(before[4], column.name) for column in t.audit_log.c}
    desk.tamper(
        t.audit_log.insert().values(row), t.audit_payload.insert().values(seq=5, payload=before[4].payload)
    )

    assert (await desk.verify()).faults[0].seq == 5
    assert script(await desk.export()).faults[0]["seq"] == 5


async def test_chain_that_does_not_hold_is_not_sealed(desk):
    await desk.fill(20)
    desk.tamper(t.audit_log.update().where(t.audit_log.c.seq == 10).values(entity="changed"))

    with pytest.raises(DatabaseDamaged, match="record 10"):
        await desk.sealer.run(BEFORE, NOW, DESK)

    # What stands before it could be sealed.
    assert [each.last_seq for each in await desk.segments()] == [7]
    assert (await desk.verify()).faults[0].seq == 10


async def test_new_seal_is_met_by_a_check_of_what_is_new(desk):
    await desk.fill(20)
    verifier = Verifier(desk.store, None, desk.archives)
    await verifier.verify()
    await desk.sealer.run(BEFORE, NOW, DESK)

    first = await verifier.verify_new()
    second = await verifier.verify_new()

    assert (first.faults, first.sealed_to, first.verified_to) == ((), 20, 27)
    assert second == first


async def test_check_that_is_overtaken_by_a_run_begins_anew(desk):
    await desk.fill(20)
    passes = iter(range(100))
    verifier = Verifier(desk.store, None, desk.archives)
    read = desk.store.read

    async def reading(query):
        found = await read(query)
        if next(passes) == 0:  # the list of segments was read, no record yet
            await desk.sealer.run(BEFORE, NOW, DESK)
        return found

    desk.store.read = reading
    report = await verifier.verify()

    assert (report.faults, report.sealed_to) == ((), 20)


async def test_anchor_that_was_shown_before_the_records_were_sealed_is_no_contradiction(desk):
    before = await desk.fill(20)
    witness = KeptLines("share", line_of(before[9], SIGNER, desk.store.installation_id))
    await desk.sealer.run(BEFORE, NOW, DESK)
    anchorer = Anchorer(desk.store, desk.store.installation_id, SIGNER, [witness], ManualClock(NOW), Bus())

    await anchorer.anchor()

    assert len(witness.kept) == 2


@pytest.mark.parametrize(
    "place", ["retention.written", "retention.compared", "uow.seal_segment", "retention.half_deleted"]
)
async def test_run_that_fails_before_its_commit_leaves_the_chain_as_it_was(desk, place):
    before = await desk.fill(20)

    def fail() -> None:
        raise StorageError("no answer")

    failpoints.arm(place, fail)
    with pytest.raises(StorageError):
        await desk.sealer.run(BEFORE, NOW, DESK)
    failpoints.disarm_all()

    assert await desk.records() == before
    assert await desk.segments() == ()
    assert len(await desk.sealer.run(BEFORE, NOW, DESK)) == 3
    assert len(list((desk.folder / FOLDER).iterdir())) == 3
    assert (await desk.verify()).faults == ()


async def test_archive_that_did_not_get_its_name_yet_is_read_and_named_by_the_next_run(desk):
    await desk.fill(20)

    def fail() -> None:
        raise StorageError("no answer")

    failpoints.arm("retention.sealed", fail)
    with pytest.raises(StorageError):
        await desk.sealer.run(BEFORE, NOW, DESK)
    failpoints.disarm_all()

    assert [path.suffix for path in (desk.folder / FOLDER).iterdir()] == [".partial"]
    report = await desk.verify()
    assert (report.faults, report.sealed_to, report.absent) == ((), 7, ())
    await desk.sealer.settle()
    assert [path.suffix for path in (desk.folder / FOLDER).iterdir()] == [".db"]


async def test_folder_that_takes_nothing_is_told_and_nothing_is_archived(desk):
    before = await desk.fill(20)
    (desk.folder / FOLDER).write_text("a file in its place")

    with pytest.raises(StorageUnwritable, match="archive"):
        await desk.sealer.run(BEFORE, NOW, DESK)

    assert await desk.records() == before


async def test_seal_that_names_a_file_elsewhere_opens_none(desk, tmp_path):
    await sealed_all(desk)
    seal = (await desk.segments())[0]
    (tmp_path / "evil.db").write_bytes((desk.folder / FOLDER / seal.file).read_bytes())

    with pytest.raises(DatabaseDamaged, match="names no archive"):
        desk.archives.read(replace(seal, file="../evil.db"))


async def test_archives_keep_their_bytes_and_are_closed_to_others(desk):
    await sealed_all(desk)

    for seal in await desk.segments():
        path = desk.folder / FOLDER / seal.file
        desk.archives.read(seal)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == seal.sha256
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"AAPL" not in path.read_bytes()
    assert sorted(path.suffix for path in (desk.folder / FOLDER).iterdir()) == [".db"] * 3


@settings(max_examples=12)
@given(old=st.integers(0, 30), young=st.integers(0, 5), most=st.integers(1, 12), again=st.integers(0, 9))
def test_whatever_is_sealed_nothing_is_lost_and_the_chain_holds(tmp_path_factory, old, young, most, again):
    async def main(desk: Vaulted) -> None:
        before = [*await desk.fill(old, young)]
        due = await desk.sealer.due(BEFORE)
        sealed = [*await desk.sealer.run(BEFORE, NOW, DESK)]
        assert [each.records for each in sealed] == [span.records for span in due]
        standing = await desk.fill(0, again)
        archived = [record for each in sealed for record in desk.archives.read(each)]
        assert [*archived, *standing][: len(before)] == before
        assert {*(await desk.verify()).faults, *(await desk.verify(at_hand=False)).faults} == set()
        assert script(await desk.export()).faults == script(await desk.export(at_hand=False)).faults == []

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sealing, "MOST_RECORDS", most)
        desk = Vaulted(tmp_path_factory.mktemp("desk"))
        try:
            if old + young:
                asyncio.run(main(desk))
        finally:
            desk.store.close()


@pytest.mark.parametrize("value", [b"\xff", 1.5, "x", None])
@pytest.mark.parametrize("column", ["first_seq", "last_seq", "file", "digest"])
async def test_seal_of_another_type_is_a_fault_and_breaks_nothing(desk, column, value):
    await sealed_all(desk)
    first, *rest = await desk.segments()
    if column in ("file", "digest") and value == "x":
        return
    records = (*desk.archives.read(first), *await desk.records())
    store = ChainStore(records)
    store.segments = (replace(first, **{column: value}), *rest)

    report = await Verifier(store, desk.witnesses(), desk.archives).verify()

    assert report.faults[0].seq == 1
    assert "cannot have been written" in report.faults[0].reason


@pytest.mark.parametrize("payload", ["{", "[]", "{}", '{"seal": 5}'])
async def test_record_of_a_seal_that_names_none_is_a_fault(desk, payload):
    await desk.fill(3)
    draft = AuditDraft(AuditAction.SEGMENT_SEALED, DESK, "x", payload)
    await desk.store.write(lambda uow: ledger.append(uow, draft, NOW))

    assert [fault.seq for fault in (await desk.verify()).faults] == [3 + YOUNG + 1]
    assert [each["seq"] for each in script(await desk.export()).faults] == [3 + YOUNG + 1]


async def test_archive_that_reads_otherwise_than_it_was_written_is_not_sealed(desk):
    before = await desk.fill(20)

    class Forgetful(SegmentFiles):
        def read(self, segment):
            return super().read(segment)[:-1]

    sealer = Sealer(desk.store, desk.journal, Forgetful(desk.folder / FOLDER))
    with pytest.raises(DatabaseDamaged, match="does not hold what was written"):
        await sealer.run(BEFORE, NOW, DESK)

    assert await desk.records() == before
    assert await desk.segments() == ()


async def test_chain_that_is_cut_short_within_what_is_due_is_not_sealed(desk):
    await desk.fill(20)
    desk.tamper(t.audit_payload.delete().where(t.audit_payload.c.seq == 7))

    with pytest.raises(DatabaseDamaged, match="record 8"):
        await desk.sealer.run(BEFORE, NOW, DESK)
