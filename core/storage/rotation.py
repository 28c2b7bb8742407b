"""Another raw key for a profile: its database written anew under it, and what else was sealed under the old.

The new files are written beside the old ones, their names ending in the number of the key file that they
belong to. Replacing the key file is the one moment at which the old state becomes the new; whoever opens
the profile next finishes the moves after it, or removes the files that never came so far.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, column, func, select, table
from sqlcipher3 import dbapi2

from core.errors import DatabaseDamaged, StorageError, StorageUnwritable
from core.failpoints import failpoint
from core.storage import anchors, engine, secrets, vault
from core.storage.faults import DRIVER_ERRORS, translate
from core.storage.private_file import sync_folder
from core.storage.reader import SqlReader
from core.storage.vault import Key
from core.storage.vault.key import random_key
from core.storage.vault.key_file import write

_SPARE_BYTES = 16 * 1024 * 1024
_SCHEMA: Select[Any, Any, Any] = (
    select(column("type"), column("name"), column("sql"))
    .select_from(table("sqlite_master"))
    .order_by(column("type"), column("name"))
)

Record = Callable[[Path, Key], None]


def rotate(
    folder: Path, database: Path, key: Key, now: datetime, record: Record, *, without: str | None = None
) -> Key:
    """Re-encrypt a profile under a new key, and return that.

    Nobody else has the profile. Ended at any moment, it opens as it was before or as it is after.

    Args:
        now: our time, UTC; the age of the new key counts from it.
        record: writes what is to be known of this into the new database, before it takes its place.
        without: a user whose slots are left out.

    Raises:
        StorageUnwritable: there is no room, or the folder takes nothing; the profile is as it was.
        DatabaseDamaged: the database or its copy does not hold; the profile is as it was.
        Refused: the key file has its first format still.
    """
    settle(folder, database)
    new = random_key()
    wanted = vault.rotated(folder, key, new, now, without)
    mark = f".g{wanted.generation}"
    staged = database.with_name(database.name + mark)
    try:
        _check_room(database)
        _export(database, key, staged, new)
        failpoint("rotation.exported")
        _compare(database, key, staged, new)
        failpoint("rotation.compared")
        record(staged, new)
        _sync(staged)
        failpoint("rotation.recorded")
        secrets.reseal(folder, key, new, secrets.FILE + mark)
        anchors.reseal(folder, key, new, anchors.KEY_FILE + mark)
        # What the decision points to is on the disk before it is.
        sync_folder(folder)
        failpoint("rotation.sealed")
        write(folder, wanted, new)
        failpoint("rotation.committed")
    finally:
        if _is_undecided(folder, wanted.generation):
            _remove(folder, database, mark)
    settle(folder, database)
    return new


def settle(folder: Path, database: Path) -> None:
    """Finish a rotation that was cut off after its decision, and clear away one that was cut off before it.

    Nobody else has the profile.

    Raises:
        DatabaseDamaged: the key file is not what was written.
        StorageUnwritable: a file could not be moved or removed; the next try goes on from there.
    """
    staged = [path for path in folder.glob("*.g*") if _parts(path)[0] in _movable(database)]
    if not staged or not vault.has_keys(folder):
        return
    generation = str(vault.generation(folder))
    try:
        for path in sorted(staged):
            name, number = _parts(path)
            if number != generation:
                _discard(path)
                continue
            if name == database.name:
                # The log of the old one belongs to other pages.
                _discard_log(database)
            path.replace(folder / name)
            failpoint("rotation.moved")
        sync_folder(folder)
    except OSError as error:
        raise StorageUnwritable(
            f"{folder}: the files of a new key could not be put in their places: {error.strerror}. "
            "Try again; nothing is lost"
        ) from error


def _is_undecided(folder: Path, generation: int) -> bool:
    # Asked of the disk: a key file that took its place, and could not be forced to the disk, is decided too.
    try:
        return vault.generation(folder) != generation
    except StorageError:
        return False


def _movable(database: Path) -> tuple[str, ...]:
    return (database.name, secrets.FILE, anchors.KEY_FILE)


def _parts(path: Path) -> tuple[str, str]:
    name, _, number = path.name.rpartition(".g")
    return name, number


def _remove(folder: Path, database: Path, mark: str) -> None:
    for name in _movable(database):
        _discard(folder / (name + mark))


def _discard(path: Path) -> None:
    _discard_log(path)
    path.unlink(missing_ok=True)


def _discard_log(path: Path) -> None:
    for end in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _check_room(database: Path) -> None:
    needed = database.stat().st_size + _SPARE_BYTES
    free = shutil.disk_usage(database.parent).free
    if free < needed:
        raise StorageUnwritable(
            f"{database.parent} has {free >> 20} MB free, and a copy of the database needs "
            f"{needed >> 20} MB; nothing was changed"
        )


def _export(database: Path, key: Key, staged: Path, new: Key) -> None:
    engine.check_file(database)
    engine.check_pages(database, key)
    os.close(os.open(staged, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(engine.raw_connection(database, key)) as connection:
            # The log is folded in, so that the file alone is the whole database.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            connection.execute("ATTACH DATABASE ? AS staged KEY ?", (str(staged), f"x'{new.reveal().hex()}'"))
            connection.execute("BEGIN")
            connection.execute("SELECT sqlcipher_export('staged')").fetchall()
            connection.execute("COMMIT")
            connection.execute("DETACH DATABASE staged")
    except dbapi2.Error as error:
        raise translate(error, database) from error


def _compare(database: Path, key: Key, staged: Path, new: Key) -> None:
    engine.check_pages(staged, new)
    old, copy = engine.reading_engine(database, key), engine.reading_engine(staged, new)
    try:
        with old.connect() as first, copy.connect() as second:
            checked = second.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            faults = [str(each) for each in checked if each != "ok"]
            broken = second.exec_driver_sql("PRAGMA foreign_key_check").all()
            faults += [f"a row of {row[0]} points nowhere" for row in broken]
            if _contents(first) != _contents(second):
                faults.append("its tables, rows or the head of its audit chain are others")
    except DRIVER_ERRORS as error:
        raise translate(error, staged) from error
    finally:
        old.dispose()
        copy.dispose()
    if faults:
        raise DatabaseDamaged(f"the copy under the new key does not hold ({faults[0]}); nothing was changed")


def _contents(connection: Connection) -> tuple[object, ...]:
    listed = connection.execute(_SCHEMA).all()
    tables = [row.name for row in listed if row.type == "table"]
    counts = [connection.execute(select(func.count()).select_from(table(name))).scalar() for name in tables]
    return [tuple(row) for row in listed], counts, SqlReader(connection).audit_head()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
