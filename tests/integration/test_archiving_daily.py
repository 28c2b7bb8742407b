"""Old records are archived once a day while the program runs; a run that fails is told and tried again."""

import asyncio
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import archiving
from app import profile as profiles
from app.archiving import DailyArchiving, Keep
from app.options import DesktopOptions, Kind
from app.sessions import start_profile
from core.audit import ledger
from core.audit.export import export_chain
from core.audit.journal import AuditJournal
from core.audit.sealing import Sealer
from core.audit.witnessed import NOTHING_KNOWN
from core.bus import Bus
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.domain.messages import Notice
from core.portfolio.archiving import FillArchiver
from core.storage import vault
from core.storage.fill_files import fill_files_of
from core.storage.segments import FOLDER, archives_of
from core.storage.store import SqlStore, open_store
from tests.fakes.chain import SIGNER
from tests.fakes.fill_history import FillHistory, round_trip
from tests.fakes.fill_history import fill as trade

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
PASSPHRASE = "correct horse battery"
DESK = Actor("desk", "admin", Origin.DESK, "s1")
OLD = datetime(2024, 3, 5, tzinfo=UTC)
YEAR = timedelta(days=365)
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


async def fill(store: SqlStore, key: vault.Key) -> None:
    def work(uow) -> None:
        ledger.append(uow, ledger.genesis(store.installation_id, store.created_at_us, DESK), OLD)
        for number in range(2, 6):
            ledger.append(uow, AuditDraft(AuditAction.PROGRAM_STARTED, DESK, f"n {number}"), OLD)

    await store.write(work)
    history = FillHistory(store, key)
    await history.book(*round_trip("a", OLD), trade("young", at=NOW))


async def archived(store: SqlStore) -> tuple[int, int]:
    """Say up to which record, and how many fills."""
    found = await store.read(lambda reader: reader.audit_segments())
    archives = await store.read(lambda reader: reader.fill_archives())
    return found[-1].last_seq if found else 0, sum(each.fills for each in archives)


async def test_records_are_archived_every_day_and_a_failure_is_told(tmp_path: Path, expected_log):
    key = vault.create(tmp_path, None)
    store = open_store(tmp_path / "a.db", key, create=True)
    await fill(store, key)
    clock, bus, notices = ManualClock(NOW), Bus(), list[Notice]()
    bus.subscribe(Notice, notices.append)
    journal = AuditJournal(store, clock, bus, tmp_path / "emergency")
    sealer = Sealer(store, journal, archives_of(store.path))
    archiver = FillArchiver(store, journal, fill_files_of(store.path))
    daily = DailyArchiving(sealer, archiver, Keep(YEAR, YEAR), DESK, clock, bus)
    (tmp_path / FOLDER).write_text("in its place")

    expected_log("archive.failed")
    await daily.archive()
    assert [notice.text.partition(":")[0] for notice in notices] == [
        "Old audit records were not archived", "Old fills were not archived",
    ]  # fmt: skip
    assert await archived(store) == (0, 0)

    (tmp_path / FOLDER).unlink()
    await daily.archive()
    await daily.archive()
    assert (await archived(store), len(notices)) == ((5, 2), 2)
    await store.close_async()


async def test_profile_that_runs_archives_beside_the_desk(tmp_path: Path, monkeypatch):
    made = profiles.create(tmp_path / "root", "desk", PASSPHRASE, cost=CHEAP)
    key = vault.unlock(made.folder, PASSPHRASE).key
    store = open_store(made.database, key, create=False)
    await fill(store, key)
    await store.close_async()
    monkeypatch.setattr(archiving, "FIRST_RUN_S", 0.0)
    options = DesktopOptions(Kind.PROFILE, tmp_path / "root", made.folder)

    running = await start_profile(options, lambda _: None, lambda _: None, PASSPHRASE)
    async with asyncio.timeout(30):
        while len(list((made.folder / FOLDER).glob("*.db"))) < 2:
            await asyncio.to_thread(lambda: None)
    await running.stop()

    store = open_store(made.database, key, create=False)
    report = await export_chain(
        store, SIGNER, NOTHING_KNOWN, io.BytesIO(), NOW, archives=archives_of(store.path)
    )
    assert (await archived(store), report.faults, report.absent) == ((5, 2), (), ())
    await store.close_async()
