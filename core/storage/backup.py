"""A backup of a profile, made while it is in use: written, read back, and only then called one.

The order in which its parts are read matters. What is signed or noted beside the database is read before it,
so that the copy is never behind an anchor; the exchange's own record is read after it, so that the exchange
knows at least what the database does, as after a crash.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, column, func, select, table
from sqlcipher3 import dbapi2

from core.domain.audit import AuditHead
from core.domain.backup_commands import BackupStage
from core.errors import DatabaseDamaged, DatabaseMissing, InvestIQError, StorageUnwritable
from core.failpoints import failpoint
from core.ports.backups import Going
from core.storage import backup_rotation as rotation
from core.storage import engine, migration
from core.storage import tables as t
from core.storage.archive_folder import FOLDER as ARCHIVES
from core.storage.backup_archive import (
    DATABASE,
    LEDGER,
    MEMBERS,
    NEEDED,
    Manifest,
    files_of,
    measured,
    opened,
    pack,
)
from core.storage.faults import DRIVER_ERRORS, translate
from core.storage.private_file import sync_folder
from core.storage.reader import SqlReader
from core.storage.store import migrate
from core.storage.vault import Key

_STAGING = ".making-"
_WRITTEN = "written.zip"
_STEPS = 50_000  # of the database's machine, between two looks whether it is enough
_SPARE_BYTES = 16 * 1024 * 1024
_REHEARSAL = "rehearsal.db"
_SCHEMA: Select[Any, Any, Any] = select(column("type"), column("name"), column("sql")).order_by(
    column("type"), column("name")
)

CheckChain = Callable[[Path, Path, Key, str], None]


@dataclass(frozen=True, slots=True)
class Copy:
    """What a database in a folder turned out to be."""

    installation_id: str
    schema: str
    head: AuditHead


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made and holds.

    Attributes:
        size: bytes.
        removed: older ones that were removed for it.
    """

    path: Path
    size: int
    manifest: Manifest
    removed: tuple[Path, ...]


def make(
    folder: Path,
    name: str,
    key: Key,
    where: Path,
    now: datetime,
    check_chain: CheckChain,
    going: Going = lambda _: None,
) -> Backup:
    """Back a profile up, verify what was written, and remove what it supersedes.

    Writes to the database go on meanwhile. Blocks for as long as copying takes: used on a thread.

    Args:
        folder: the profile's.
        name: the profile's.
        where: the folder of its backups; made if it is not there.
        now: our time, UTC.
        check_chain: raises DatabaseDamaged where an audit chain does not hold; is given the folder of the
            copy, the database in it, its key and its installation.
        going: told what is done now; what it raises ends the backup, and nothing of it is left.

    Raises:
        DatabaseDamaged: the database, its copy or its audit chain does not hold; earlier backups are there.
        DatabaseMissing: a file without which there is no profile is gone.
        StorageUnwritable: no room, or the folder takes nothing.
    """
    try:
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in where.glob(f"{_STAGING}*"):
            shutil.rmtree(left, ignore_errors=True)
        _check_room(folder, where)
        staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=where))  # mode 0700
        try:
            path, manifest = _made(folder, name, key, staging, now, check_chain, going)
            return Backup(path, path.stat().st_size, manifest, rotation.rotate(where, path))
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise StorageUnwritable(f"{where}: no backup was made: {error.strerror}") from error


def _made(
    folder: Path,
    name: str,
    key: Key,
    staging: Path,
    now: datetime,
    check_chain: CheckChain,
    going: Going,
) -> tuple[Path, Manifest]:
    going(BackupStage.COPYING)
    for member in MEMBERS:
        if member not in (DATABASE, LEDGER):
            _copy(folder / member, staging / member)
    failpoint("backup.copied")
    _export(folder / DATABASE, key, staging / DATABASE, going)
    failpoint("backup.exported")
    _copy(folder / LEDGER, staging / LEDGER)
    _copy_archives(folder / ARCHIVES, staging / ARCHIVES)
    going(BackupStage.CHECKING)
    found = check(staging, key, check_chain)
    failpoint("backup.checked")
    manifest = Manifest(now, name, found.installation_id, found.schema, found.head, measured(staging))
    going(BackupStage.WRITING)
    written = staging / _WRITTEN
    pack(staging, manifest, key, written)
    failpoint("backup.packed")
    going(BackupStage.READING)
    with opened(written) as archive:
        archive.check(key)
        archive.verify()
    # What was not read back never has the name of a backup.
    path = rotation.path_of(staging.parent, name, now)
    written.rename(path)
    sync_folder(path.parent)
    return path, manifest


def check(folder: Path, key: Key, check_chain: CheckChain) -> Copy:
    """Check the database in a folder that nobody uses: every page, every row's place, and its audit chain.

    Raises:
        DatabaseDamaged: it does not hold.
        DatabaseMissing: a file without which there is no profile is not there.
        DatabaseTooNew: a newer program wrote it.
    """
    for name in NEEDED:
        if not (folder / name).exists():
            raise DatabaseMissing(f"{name} is not there: without it there is no profile to back up")
    path = folder / DATABASE
    engine.check_file(path)
    engine.check_pages(path, key)
    reading = engine.reading_engine(path, key)
    try:
        with reading.connect() as connection:
            is_current = migration.check_revision(connection, path)
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            faults = [str(each) for each in found if each != "ok"]
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            faults += [f"a row of {row[0]} points nowhere" for row in broken]
            if faults:
                raise DatabaseDamaged(f"{path.name} does not hold ({faults[0]})")
            installation_id = connection.execute(select(t.meta.c.installation_id)).scalar_one()
            schema, head = migration.current(connection) or "", SqlReader(connection).audit_head()
    except DRIVER_ERRORS as error:
        raise translate(error, path) from error
    finally:
        reading.dispose()
    if is_current:
        check_chain(folder, path, key, installation_id)
    else:
        _rehearse(folder, key, installation_id, check_chain)
    return Copy(installation_id, schema, head)


def _rehearse(folder: Path, key: Key, installation_id: str, check_chain: CheckChain) -> None:
    # An older schema is read by nobody: what is checked is what its upgrade makes of it.
    path = folder / _REHEARSAL
    shutil.copyfile(folder / DATABASE, path)
    try:
        migrate(path, key)
        check_chain(folder, path, key, installation_id)
    finally:
        path.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    try:
        with source.open("rb") as file, target.open("xb") as copy:
            shutil.copyfileobj(file, copy)
    except FileNotFoundError:  # what must be there is asked for when the copy is checked
        target.unlink(missing_ok=True)


def _copy_archives(source: Path, target: Path) -> None:
    # Those without their last name first: one that gets it meanwhile is met again under it.
    for pattern in ("*.partial", "*"):
        for path in source.glob(pattern):
            target.mkdir(mode=0o700, exist_ok=True)
            if not (target / path.name).exists():
                _copy(path, target / path.name)


def _export(database: Path, key: Key, staged: Path, going: Going) -> None:
    engine.check_file(database)
    ended: list[InvestIQError] = []
    os.close(os.open(staged, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(engine.raw_connection(database, key)) as connection:
            connection.execute("ATTACH DATABASE ? AS staged KEY ?", (str(staged), f"x'{key.reveal().hex()}'"))
            # One transaction: what is copied and what it is compared with are one committed state.
            connection.execute("BEGIN")
            connection.set_progress_handler(lambda: _is_over(going, ended), _STEPS)
            connection.execute("SELECT sqlcipher_export('staged')").fetchall()
            if _contents(connection, "main") != _contents(connection, "staged"):
                raise DatabaseDamaged("the copy of the database has other tables or rows; no backup was made")
            connection.execute("COMMIT")
            connection.set_progress_handler(None, 0)
            connection.execute("DETACH DATABASE staged")
    except dbapi2.Error as error:
        if ended:
            raise ended[0] from error
        raise translate(error, database) from error


def _is_over(going: Going, ended: list[InvestIQError]) -> bool:
    # The library takes what a handler raises for a wish to stop, and loses it.
    try:
        going(BackupStage.COPYING)
    except InvestIQError as error:
        ended.append(error)
    return bool(ended)


def _contents(connection: dbapi2.Connection, schema: str) -> tuple[object, ...]:
    listed = connection.execute(str(_SCHEMA.select_from(table("sqlite_master", schema=schema)))).fetchall()
    names = [row[1] for row in listed if row[0] == "table"]
    counts = (select(func.count()).select_from(table(name, schema=schema)) for name in names)
    return listed, [connection.execute(str(each)).fetchone() for each in counts]


def _check_room(folder: Path, where: Path) -> None:
    sizes = [(folder / name).stat().st_size for name in files_of(folder)]
    # The copy and the archive of it stand beside each other for a while.
    needed, free = 2 * sum(sizes) + _SPARE_BYTES, shutil.disk_usage(where).free
    if free < needed:
        raise StorageUnwritable(
            f"{where} has {free >> 20} MB free, and a backup needs {needed >> 20} MB; none was made"
        )
