"""Archives of sealed audit records: one encrypted file a segment, written once and never changed.

Each has a key of its own, kept with its seal in the database: so a new key of the profile leaves the
archives as they were sealed, and their hash stays the one in the seal. Until the seal is durable a file ends
in `.partial`; whoever settles the folder next gives it its name, or removes it where no seal came.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, insert

from core.domain.audit import AuditRecord, AuditSegment
from core.errors import DatabaseDamaged, DatabaseMissing, StorageUnwritable
from core.failpoints import failpoint
from core.storage import engine
from core.storage import tables as t
from core.storage.faults import DRIVER_ERRORS, translate
from core.storage.private_file import sync_folder
from core.storage.reader import SqlReader
from core.storage.rows import audit_values
from core.storage.vault import Key

FOLDER = "archive"  # beside the database
_PARTIAL = ".partial"
_TABLES = [t.audit_log, t.audit_payload]


class SegmentFiles:
    """`ports.segments.Archives` in a folder, which is made with the first of them.

    Args:
        folder: the profile's `archive`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, key: str, records: Sequence[AuditRecord]) -> str:
        path = self._folder / (name + _PARTIAL)
        maker = engine.building_engine(path, Key(bytes.fromhex(key)))
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            with maker.connect() as connection, connection.begin():
                _fill(connection, records)
            maker.dispose()
            found = _sha256(path)
            sync_folder(self._folder)
        except OSError as error:
            raise StorageUnwritable(
                f"{path} cannot be written: {error.strerror}. Nothing was archived; "
                "check the folder and its room"
            ) from error
        except DRIVER_ERRORS as error:
            raise translate(error, path) from error
        finally:
            maker.dispose()
        failpoint("retention.written")
        return found

    def read(self, segment: AuditSegment) -> tuple[AuditRecord, ...]:
        path = self._path(segment)
        if _hash_of(path, segment) != segment.sha256:
            raise DatabaseDamaged(
                f"archive {segment.file} is not the file that was sealed: put a copy of it back"
            )
        try:
            probe = engine.probing_engine(path, Key(bytes.fromhex(segment.key)))
            try:
                with probe.connect() as connection:
                    # One more than it may hold, so that one too many is seen.
                    return SqlReader(connection).audit_records(0, segment.records + 1)
            finally:
                probe.dispose()
        except (*DRIVER_ERRORS, ValueError) as error:
            raise DatabaseDamaged(f"archive {segment.file} is not opened by the key in its seal") from error

    def settle(self, segments: Sequence[AuditSegment]) -> None:
        known = {segment.file for segment in segments}
        try:
            for path in sorted(self._folder.glob(f"*{_PARTIAL}*")):
                name, _, end = path.name.partition(_PARTIAL)
                if name in known and not end:
                    path.replace(self._folder / name)
                else:
                    path.unlink()
                failpoint("retention.placed")
            if self._folder.is_dir():
                sync_folder(self._folder)
        except OSError as error:
            raise StorageUnwritable(
                f"{self._folder}: archives could not be put in their places: {error.strerror}. Try again; "
                "nothing is lost"
            ) from error

    def _path(self, segment: AuditSegment) -> Path:
        name = segment.file
        if Path(name).name != name:
            raise DatabaseDamaged(
                f"the seal of records {segment.first_seq} to {segment.last_seq} names no archive"
            )
        path = self._folder / name
        partial = self._folder / (name + _PARTIAL)
        # Ended between the seal and the move, the file is whole under its first name.
        return partial if partial.exists() and not path.exists() else path


def archives_of(database: Path) -> SegmentFiles:
    """Return the archives of a database."""
    return SegmentFiles(database.parent / FOLDER)


def _fill(connection: Connection, records: Sequence[AuditRecord]) -> None:
    t.metadata.create_all(connection, tables=_TABLES, checkfirst=False)
    connection.execute(insert(t.audit_log), [audit_values(each) for each in records])
    connection.execute(
        insert(t.audit_payload), [{"seq": each.seq, "payload": each.payload} for each in records]
    )


def _hash_of(path: Path, segment: AuditSegment) -> str:
    try:
        return _sha256(path)
    except FileNotFoundError as error:
        raise DatabaseMissing(
            f"archive {segment.file} with records {segment.first_seq} to {segment.last_seq} is not at hand"
        ) from error
    except (OSError, ValueError) as error:
        raise StorageUnwritable(f"archive {segment.file} cannot be read: {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
