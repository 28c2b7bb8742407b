"""Where the local API's stand towards wrong keys is kept, so that a restart is no way around it."""

import json
from datetime import datetime

from core.domain.access import Actor, LockOut
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import LoadLockOut, NoteLockOut
from core.ports.journal import Journal, Record
from core.ports.storage import Store, UnitOfWork

SETTING = "api_lock_out"


class LockOuts:
    """Answers `LoadLockOut` and `NoteLockOut`. Runs on the core loop."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal

    async def load(self, command: LoadLockOut, actor: Actor) -> LockOut:
        """Return what was noted last.

        Raises:
            StorageError: it could not be read.
        """
        del command, actor
        settings = await self._store.read(lambda reader: reader.settings())
        stored = settings.get(SETTING)
        return LockOut() if stored is None else _read(stored)

    async def note(self, command: NoteLockOut, actor: Actor) -> None:
        """Keep it, and record the beginning of a lock-out in the same transaction.

        Raises:
            StorageError: nothing was written.
        """
        now = command.lock_out
        until = None if now.until is None else now.until.isoformat()

        def work(uow: UnitOfWork, record: Record) -> None:
            uow.save_setting(SETTING, _written(now))
            if until is not None:
                facts = {"failures": len(now.failures), "until": until}
                record(AuditDraft(AuditAction.API_LOCKED_OUT, actor, "local API", payload_of(facts)))

        await self._journal.write(work)


def _written(lock_out: LockOut) -> str:
    until = None if lock_out.until is None else lock_out.until.isoformat()
    return json.dumps({"failures": [each.isoformat() for each in lock_out.failures], "until": until})


def _read(text: str) -> LockOut:
    found = json.loads(text)
    until = found["until"]
    return LockOut(
        tuple(datetime.fromisoformat(each) for each in found["failures"]),
        None if until is None else datetime.fromisoformat(until),
    )
