"""Changing the database and recording the change, as one act."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from core.domain.audit import AuditDraft, AuditRecord
from core.ports.storage import UnitOfWork

T = TypeVar("T")

Record = Callable[[AuditDraft], AuditRecord]


class Journal(Protocol):
    """The one way to write: what is stored and what is recorded become durable together."""

    async def write(self, work: Callable[[UnitOfWork, Record], T]) -> T:
        """Run the work in one transaction; publish its audit records once they are durable.

        Raises:
            StorageError: nothing was written.
        """
        ...

    async def record(self, draft: AuditDraft) -> None:
        """Append one audit record by itself.

        Raises:
            StorageError: nothing was written.
        """
        ...

    async def record_anyway(self, draft: AuditDraft) -> None:
        """Append one audit record, or note it in the emergency file if the database does not take it."""
        ...

    def note(self, draft: AuditDraft) -> None:
        """Note one record in the emergency file; it is folded into the chain at the next start."""
        ...
