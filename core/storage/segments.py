"""Archives of sealed audit records: one encrypted file a segment."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, insert

from core.domain.audit import AuditRecord, AuditSegment
from core.storage import tables as t
from core.storage.archive_folder import FOLDER, ArchiveFolder, Named
from core.storage.reader import SqlReader
from core.storage.rows import audit_values

_TABLES = [t.audit_log, t.audit_payload]


class SegmentFiles:
    """`ports.segments.Archives` in a folder, which is made with the first of them.

    Args:
        folder: the profile's `archive`.
    """

    def __init__(self, folder: Path) -> None:
        self._files = ArchiveFolder(folder, "audit")

    def write(self, name: str, key: str, records: Sequence[AuditRecord]) -> str:
        return self._files.write(name, key, lambda connection: _fill(connection, records))

    def read(self, segment: AuditSegment) -> tuple[AuditRecord, ...]:
        what = f"records {segment.first_seq} to {segment.last_seq}"
        named = Named(segment.file, segment.sha256, segment.key, what)
        # One more than it may hold, so that one too many is seen.
        most = segment.records + 1
        return self._files.read(named, lambda connection: SqlReader(connection).audit_records(0, most))

    def settle(self, segments: Sequence[AuditSegment]) -> None:
        self._files.settle({segment.file for segment in segments})


def archives_of(database: Path) -> SegmentFiles:
    """Return the archives of a database."""
    return SegmentFiles(database.parent / FOLDER)


def _fill(connection: Connection, records: Sequence[AuditRecord]) -> None:
    t.metadata.create_all(connection, tables=_TABLES, checkfirst=False)
    connection.execute(insert(t.audit_log), [audit_values(each) for each in records])
    connection.execute(
        insert(t.audit_payload), [{"seq": each.seq, "payload": each.payload} for each in records]
    )
