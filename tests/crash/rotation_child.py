"""What runs in the processes that rotate a key until they are killed."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from core.audit import ledger
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.storage import rotation, vault
from core.storage.store import open_store
from tests.crash.child import die_at

PASSPHRASE = "correct horse battery"
NOW = datetime(2026, 1, 5, tzinfo=UTC)
DESK = Actor("desk", "admin", Origin.DESK, "s1")


def fill(path: Path, key: vault.Key, word: str) -> None:
    """Append a record to a database's chain."""

    async def main() -> None:
        store = open_store(path, key, create=False)

        def work(uow) -> None:
            if uow.audit_head().seq == 0:
                ledger.append(uow, ledger.genesis(store.installation_id, store.created_at_us, DESK), NOW)
            ledger.append(uow, AuditDraft(AuditAction.PROGRAM_STARTED, DESK, word), NOW)

        await store.write(work)
        await store.close_async()

    asyncio.run(main())


def victim(folder: Path, place: str, passes: int) -> None:
    """Rotate until killed at a named place."""
    die_at(place, passes)
    rotation.settle(folder, folder / "investiq.db")
    key = vault.unlock(folder, PASSPHRASE).key
    rotation.rotate(folder, folder / "investiq.db", key, NOW, lambda path, new: fill(path, new, "rotated"))
