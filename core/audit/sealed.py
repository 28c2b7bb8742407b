"""The walk over records that were sealed and moved into archives. Shares no code with `sealing`."""

import asyncio
import base64
import hashlib
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.domain.audit import AuditHead, AuditRecord, AuditSegment
from core.errors import DatabaseDamaged, NotADatabase, StorageError
from core.ports.segments import Archives

if TYPE_CHECKING:
    from core.audit.verify import Walk

_LABEL = b"investiq-segment-v1"
_EMPTY = "A" * 43  # 32 zero bytes
_LENGTH = struct.Struct(">I")
_NUMBER = struct.Struct(">q")
_NUMBERS = ("first_seq", "last_seq", "sealed_at_us")
_TEXTS = ("prev_digest", "last_digest", "file", "sha256", "digest", "key")


class Sealed:
    """What is found of the segments of a chain.

    Attributes:
        is_checked: whether a walk over all of them is behind us.
        to: number of the last record in them.
        digest: of the newest seal; empty where there is none.
        absent: archives that are not at hand, and why.
    """

    def __init__(self) -> None:
        self.is_checked = False
        self.to = 0
        self.digest = ""
        self.absent: list[str] = []

    async def walk(
        self,
        segments: Sequence[AuditSegment],
        archives: Archives | None,
        walk: "Walk",
        take: Callable[[Sequence[AuditRecord]], None],
    ) -> None:
        """Check every seal, and the records of each archive that is at hand.

        Args:
            archives: None where none can be at hand.
            walk: along the chain; afterwards it stands on the last record that was sealed.
            take: given the records of an archive, on a thread; it walks them.
        """
        head = AuditHead(0, _EMPTY)
        for segment in segments:
            fault = self._fault(segment, head)
            if fault is not None:
                walk.chain.note(self.to + 1, fault)
            if not _is_told(segment):
                return
            head = AuditHead(segment.last_seq, segment.last_digest)
            self.to, self.digest = segment.last_seq, segment.digest
            await self._open(segment, archives, walk, take)
            walk.leap(head)
        self.is_checked = True

    async def _open(
        self,
        segment: AuditSegment,
        archives: Archives | None,
        walk: "Walk",
        take: Callable[[Sequence[AuditRecord]], None],
    ) -> None:
        name = f"records {segment.first_seq} to {segment.last_seq}"
        if archives is None:
            self.absent.append(f"{name} are in archive {segment.file}, which was not asked for")
            return
        try:
            records = await asyncio.to_thread(archives.read, segment)
        except (DatabaseDamaged, NotADatabase) as error:
            walk.chain.note(segment.first_seq, f"{name}: {error}")
            return
        except StorageError as error:
            self.absent.append(str(error))
            return
        await asyncio.to_thread(take, records)
        if walk.chain.head != AuditHead(segment.last_seq, segment.last_digest):
            walk.chain.note(
                segment.last_seq, f"archive {segment.file} ends with another record than its seal says"
            )

    def _fault(self, segment: AuditSegment, head: AuditHead) -> str | None:
        if not _is_told(segment):
            return "a seal holds what cannot have been written"
        words = f"the seal of records {segment.first_seq} to {segment.last_seq}"
        if segment.first_seq != head.seq + 1 or segment.last_seq < segment.first_seq:
            return f"{words} follows record {head.seq}: a seal is missing, added or changed"
        if segment.prev_digest != head.digest:
            return f"{words} does not continue the seal before it"
        if _digest(segment, self.digest) != segment.digest:
            return f"{words} is not what was written"
        return None


def _is_told(segment: AuditSegment) -> bool:
    numbers = all(type(getattr(segment, name)) is int for name in _NUMBERS)
    return numbers and all(isinstance(getattr(segment, name), str) for name in _TEXTS)


def _digest(segment: AuditSegment, before: str) -> str:
    text = _LABEL
    for part in (
        before.encode(),
        _NUMBER.pack(segment.first_seq),
        _NUMBER.pack(segment.last_seq),
        segment.prev_digest.encode(),
        segment.last_digest.encode(),
        _NUMBER.pack(segment.sealed_at_us),
        segment.file.encode(),
        segment.sha256.encode(),
    ):
        text += _LENGTH.pack(len(part)) + part
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")
