"""Segments of the audit chain: their seals in the database, and the archives that hold the records."""

from collections.abc import Sequence
from typing import Protocol

from core.domain.audit import AuditRecord, AuditSegment


class SegmentReader(Protocol):
    """Questions about what was sealed and what may be."""

    def audit_segments(self) -> tuple[AuditSegment, ...]:
        """List every seal, oldest first."""
        ...

    def first_audit_after(self, at_us: int) -> int | None:
        """Return the first record's number that was made at a moment (UTC) or later; None: there is none."""
        ...


class SegmentWriter(SegmentReader, Protocol):
    """Moving records out of the database."""

    def seal_segment(self, segment: AuditSegment) -> None:
        """Store a seal, and delete the records that it stands for.

        Raises:
            StorageError: it is not about the oldest records as they stand, or about the newest.
        """
        ...


class Archives(Protocol):
    """The files that hold sealed records. Blocks: used on a thread."""

    def write(self, name: str, key: str, records: Sequence[AuditRecord]) -> str:
        """Make an archive, not yet under its name, and return its hexadecimal SHA-256 once it is on the disk.

        Raises:
            StorageUnwritable: the folder takes nothing.
        """
        ...

    def read(self, segment: AuditSegment) -> tuple[AuditRecord, ...]:
        """Return what an archive holds.

        Raises:
            DatabaseMissing: it is not at hand.
            DatabaseDamaged: it is not, byte for byte, the one that was sealed, or its key does not open it.
            StorageUnwritable: it cannot be read now.
        """
        ...

    def settle(self, segments: Sequence[AuditSegment]) -> None:
        """Give each sealed archive its name, and remove those that were cut off before their seal.

        Raises:
            StorageUnwritable: a file could not be moved or removed; the next try goes on from there.
        """
        ...
