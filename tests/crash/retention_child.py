"""What runs in the processes that seal old records until they are killed."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from core.audit import ledger, sealing
from core.audit.journal import AuditJournal
from core.audit.sealing import Sealer
from core.bus import Bus
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.storage import vault
from core.storage.segments import archives_of
from core.storage.store import SqlStore, open_store
from tests.crash.child import die_at

NOW = datetime(2026, 1, 5, tzinfo=UTC)
OLD = datetime(2024, 1, 5, tzinfo=UTC)
DESK = Actor("desk", "admin", Origin.DESK, "s1")
RECORDS = 20
AT_ONCE = 7


def opened(folder: Path) -> SqlStore:
    """Open the database of a folder, whose key stands beside it."""
    return open_store(folder / "a.db", vault.Key((folder / "key").read_bytes()), create=False)


def sealer_of(folder: Path, store: SqlStore) -> Sealer:
    """Return what seals."""
    journal = AuditJournal(store, ManualClock(NOW), Bus(), folder / "emergency")
    return Sealer(store, journal, archives_of(store.path))


def fill(folder: Path) -> None:
    """Make a database with old records, and one that is young."""
    key = vault.Key(bytes(range(32)))
    (folder / "key").write_bytes(key.reveal())
    open_store(folder / "a.db", key, create=True).close()

    async def main() -> None:
        store = opened(folder)

        def work(uow) -> None:
            ledger.append(uow, ledger.genesis(store.installation_id, store.created_at_us, DESK), OLD)
            for number in range(1, RECORDS):
                ledger.append(uow, AuditDraft(AuditAction.PROGRAM_STARTED, DESK, f"n {number}"), OLD)
            ledger.append(uow, AuditDraft(AuditAction.PROGRAM_STARTED, DESK, "young"), NOW)

        await store.write(work)
        await store.close_async()

    asyncio.run(main())


def victim(folder: Path, place: str, passes: int) -> None:
    """Seal until killed at a named place."""
    die_at(place, passes)
    sealing.MOST_RECORDS = AT_ONCE

    async def main() -> None:
        store = opened(folder)
        await sealer_of(folder, store).run(datetime(2025, 1, 1, tzinfo=UTC), NOW, DESK)
        await store.close_async()

    asyncio.run(main())
