"""The database behind its port: one writer thread with group commit, and read threads beside it."""

import asyncio
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlcipher3 import dbapi2

from core.clock import Clock, SystemClock
from core.domain.access import Role
from core.domain.users import UserRecord
from core.errors import RefusalCode, Refused, StorageUnwritable
from core.ids import IdSource, RandomIds
from core.metrics import Instrument, Sample, Watched, watched
from core.ports.storage import Reader, UnitOfWork
from core.storage import engine, migration
from core.storage import tables as t
from core.storage.lanes import ReadLane, WriteLane
from core.storage.private_file import sync_folder
from core.storage.user_store import insert_user
from core.storage.vault import Key

T = TypeVar("T")

READ_THREADS = 2


class SqlStore:
    """`ports.storage.Store` on an encrypted file. Awaited from any event loop; closed from any thread.

    Attributes:
        path: the database file.
        installation_id: what this database calls itself since it was made; the audit chain is bound to it.
        created_at_us: when it was made, microseconds since 1970-01-01 UTC.
        instruments: how long commits take, what waits, and how large the files are.
    """

    def __init__(self, path: Path, key: Key, installation_id: str, created_at_us: int) -> None:
        self.path = path
        self.installation_id = installation_id
        self.created_at_us = created_at_us
        with ExitStack() as undo:
            self._writer = WriteLane(path, key)
            undo.callback(self._writer.close)
            self._readers = ReadLane(path, key, READ_THREADS)
            undo.pop_all()
        writer = self._writer
        self.instruments: tuple[Instrument, ...] = (
            writer.commits,
            writer.sizes,
            writer.failures,
            Watched(
                "investiq_storage_waiting", "Works that wait for a storage thread.", self._waiting, "lane"
            ),
            Watched("investiq_database_bytes", "Size of the files on the disk.", self._sizes, "file"),
            watched("investiq_disk_free_bytes", "What the disk of the database has left.", self._free),
        )

    def _waiting(self) -> list[Sample]:
        lanes = (("write", self._writer.waiting), ("read", self._readers.waiting))
        return [Sample((lane,), float(count)) for lane, count in lanes]

    def _sizes(self) -> list[Sample]:
        files = (("database", self.path), ("wal", self.path.with_name(f"{self.path.name}-wal")))
        return [Sample((name,), float(size)) for name, path in files if (size := _size(path)) is not None]

    def _free(self) -> float | None:
        try:
            return float(shutil.disk_usage(self.path.parent).free)
        except OSError:
            return None

    async def write(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run the work in one transaction; once it returns, all of it is on stable storage.

        Works that wait together are committed together. Cancelling the caller does not stop the work.
        """
        return await self._writer.run(work)

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run a query on a read thread, on a snapshot of what was committed."""
        return await self._readers.run(query)

    def close(self) -> None:
        """Finish what was asked for, fold the log into the file and end the threads; twice is once."""
        self._readers.close()
        self._writer.close()

    async def close_async(self) -> None:
        """Close without holding up the loop."""
        await asyncio.to_thread(self.close)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:  # the log comes and goes
        return None


def open_store(
    path: Path,
    key: Key,
    *,
    create: bool,
    clock: Clock | None = None,
    ids: IdSource | None = None,
    owner: str | None = None,
) -> SqlStore:
    """Open a database, or make one.

    Args:
        path: the file; its folder exists.
        key: what it is, or will be, encrypted with.
        create: make it; it must not be there yet.
        clock: our time, for the date of creation.
        ids: where the installation id comes from.
        owner: the first user of a database that is made, an administrator; None for a throwaway one.

    Raises:
        Refused: it was to be made and is there already.
        DatabaseMissing, NotADatabase, DatabaseDamaged, DatabaseTooNew: no byte was changed.
        StorageUnwritable: disk or folder take nothing; what was there is as it was.
    """
    if create:
        _build(path, key, clock or SystemClock(), ids or RandomIds(), owner)
    engine.check_file(path)
    try:
        return SqlStore(path, key, *_examine(path, key, is_new=create))
    except (SQLAlchemyError, dbapi2.Error) as error:
        raise engine.explain(error, path, key) from error


def _examine(path: Path, key: Key, *, is_new: bool) -> tuple[str, int]:
    # Nothing may be touched before it is clear that the file is ours and not newer than we are.
    if not is_new and path.stat().st_size <= engine.CHECKED_AT_OPEN_BYTES:
        engine.check_pages(path, key)
    probe = engine.probing_engine(path, key)
    try:
        with probe.connect() as connection:
            is_current = migration.check_revision(connection, path)
            born = connection.execute(select(t.meta.c.installation_id, t.meta.c.created_at)).one()
    finally:
        probe.dispose()
    if not is_current:
        migrate(path, key)
    return born.installation_id, (born.created_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


def migrate(path: Path, key: Key) -> None:
    """Bring a closed database to this program's schema: all of it, or nothing.

    Raises:
        StorageError: the database is as it was.
    """
    writer = engine.writing_engine(path, key)
    try:
        with writer.connect() as connection:
            migration.upgrade(connection)
    except (SQLAlchemyError, dbapi2.Error) as error:
        raise engine.explain(error, path, key) from error
    finally:
        writer.dispose()


def _build(path: Path, key: Key, clock: Clock, ids: IdSource, owner: str | None) -> None:
    if path.exists():
        raise Refused(RefusalCode.NAME_TAKEN, f"{path} exists already; nothing was overwritten")
    # Under another name until it is whole: a database is there with its schema, or not at all.
    partial = path.with_name(f"{path.name}.partial")
    maker = engine.building_engine(partial, key)
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with maker.connect() as connection, connection.begin():
            migration.create_schema(connection)
            row = {"id": 1, "installation_id": ids.unique(), "created_at": clock.now()}
            connection.execute(insert(t.meta), row)
            if owner is not None:
                insert_user(connection, UserRecord(owner, Role.ADMIN, owner, clock.now()))
        maker.dispose()
        partial.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StorageUnwritable(
            f"{path} cannot be made: {error.strerror}. Check the folder and its permissions"
        ) from error
    except (SQLAlchemyError, dbapi2.Error) as error:
        raise engine.explain(error, path, key) from error
    finally:
        maker.dispose()
