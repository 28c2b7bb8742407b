"""What is past its keep-by date, in SQL: which records may be sealed, and the move of those that are."""

from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from core.domain.audit import AuditSegment
from core.failpoints import failpoint
from core.storage import tables as t

_SEGMENTS = select(t.audit_segments).order_by(t.audit_segments.c.first_seq)
# The oldest stand first, so the walk ends where the young ones begin; the bound makes it one down the key.
_FIRST_AFTER = (
    select(t.audit_log.c.seq)
    .where(t.audit_log.c.seq > 0, t.audit_log.c.ts_utc_us >= bindparam("at_us"))
    .order_by(t.audit_log.c.seq)
    .limit(1)
)
_INSERT_SEGMENT = insert(t.audit_segments)
_DELETE_PAYLOADS = delete(t.audit_payload).where(t.audit_payload.c.seq <= bindparam("last"))
_DELETE_RECORDS = delete(t.audit_log).where(t.audit_log.c.seq <= bindparam("last"))


class SqlSegmentReader:
    """`ports.segments.SegmentReader` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def audit_segments(self) -> tuple[AuditSegment, ...]:
        return tuple(AuditSegment(*row) for row in self._connection.execute(_SEGMENTS))

    def first_audit_after(self, at_us: int) -> int | None:
        found: int | None = self._connection.execute(_FIRST_AFTER, {"at_us": at_us}).scalar()
        return found


class SqlSegmentWriter(SqlSegmentReader):
    """`ports.segments.SegmentWriter` on the writing connection."""

    def seal_segment(self, segment: AuditSegment) -> None:
        failpoint("uow.seal_segment")
        self._connection.execute(_INSERT_SEGMENT, _values(segment))
        # The triggers let go of what a seal stands for, and of nothing else.
        self._connection.execute(_DELETE_PAYLOADS, {"last": segment.last_seq})
        failpoint("retention.half_deleted")
        self._connection.execute(_DELETE_RECORDS, {"last": segment.last_seq})


def _values(segment: AuditSegment) -> dict[str, Any]:
    return {column.name: getattr(segment, column.name) for column in t.audit_segments.c}
