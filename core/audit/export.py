"""The chain in one signed file, for whoever wants to check it without this program."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import orjson

from core.audit.chain import Chain
from core.audit.sealed import Sealed
from core.audit.verify import BATCH, Progress, Walk
from core.audit.witnessed import Known
from core.domain.audit import AuditHead, AuditRecord, AuditReport, AuditSegment
from core.ports.anchors import Signer
from core.ports.segments import Archives
from core.ports.storage import Reader, Store

FORMAT = "investiq-audit-export"
VERSION = 2
_LABEL = b"investiq-export-v1"

_COLUMNS = tuple(each.name for each in fields(AuditRecord))
# A seal goes without the key of its archive.
_SEAL = tuple(each.name for each in fields(AuditSegment) if each.name != "key")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def export_chain(
    store: Store,
    signer: Signer,
    known: Known,
    file: BinaryIO,
    now: datetime,
    progress: Progress = lambda _: None,
    archives: Archives | None = None,
) -> AuditReport:
    """Write every record as it stands, whether the chain holds or not, and check it on the way.

    Of records in an archive that is not at hand the seal alone is written.

    Args:
        known: what the witnesses say; it goes into the file as well.
        file: where to; written on a thread, and not closed.
        now: our time, UTC.
        progress: told the number of the record that was written last, page after page.
        archives: where sealed records are.

    Raises:
        StorageError: the chain could not be read; the file is not whole.
        OSError: the file took nothing more; it is not whole.
    """
    made = _Export(signer, known, file, (now - _EPOCH) // timedelta(microseconds=1))
    # What is appended meanwhile is not waited for.
    head = await store.read(lambda reader: reader.audit_head())
    segments = await store.read(lambda reader: reader.audit_segments())
    await asyncio.to_thread(made.begin, segments)
    await made.sealed(segments, archives)
    after = 0
    while records := await store.read(_page(after, head)):
        after = records[-1].seq
        await asyncio.to_thread(made.add, records)
        progress(after)
    return await asyncio.to_thread(made.end)


def _page(after: int, head: AuditHead) -> Callable[[Reader], tuple[AuditRecord, ...]]:
    def page(reader: Reader) -> tuple[AuditRecord, ...]:
        return tuple(each for each in reader.audit_records(after, BATCH) if each.seq <= head.seq)

    return page


class _Export:
    """A file in the making: a header, the records, and a signed last line."""

    def __init__(self, signer: Signer, known: Known, file: BinaryIO, at_us: int) -> None:
        self._signer = signer
        self._known = known
        self._file = file
        self._at_us = at_us
        self._sha = hashlib.sha256()
        self._walk = Walk(Chain(known=known), known.heads, known)
        self._count = 0

    def begin(self, segments: Sequence[AuditSegment]) -> None:
        known = self._known
        self._write(
            {
                "type": "header",
                "format": FORMAT,
                "version": VERSION,
                "installation_id": known.installation_id,
                "public_key": self._signer.public_key.hex(),
                "exported_at_us": self._at_us,
                "anchors": [{"place": each.place, "line": each.line} for each in known.heads],
            }
        )
        for segment in segments:
            self._write({"type": "segment", **{name: getattr(segment, name) for name in _SEAL}})

    async def sealed(self, segments: Sequence[AuditSegment], archives: Archives | None) -> None:
        found = Sealed()
        await found.walk(segments, archives, self._walk, self.add)
        self._walk.end_sealed(found)

    def add(self, records: Sequence[AuditRecord]) -> None:
        self._walk.on(records)
        self._count += len(records)
        for record in records:
            self._write({"type": "record", **{name: getattr(record, name) for name in _COLUMNS}})

    def end(self) -> AuditReport:
        report = self._walk.report()
        head, sha = report.head, self._sha.digest()
        digest = str(head.digest)  # what stands in the database need not be text
        parts = (
            self._known.installation_id.encode(),
            head.seq.to_bytes(8, "big", signed=True),
            digest.encode(),
            self._at_us.to_bytes(8, "big", signed=True),
            sha,
        )
        text = _LABEL + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        self._write(
            {
                "type": "trailer",
                "records": self._count,
                "seq": head.seq,
                "digest": digest,
                "sha256": sha.hex(),
                "signature": self._signer.sign(text).hex(),
            }
        )
        return report

    def _write(self, facts: dict[str, object]) -> None:
        line = orjson.dumps(facts, default=_odd, option=orjson.OPT_APPEND_NEWLINE)
        self._sha.update(line)
        self._file.write(line)


def _odd(value: object) -> object:
    # The database itself takes bytes where a text belongs, and a number of any size.
    return {"odd": value.hex() if isinstance(value, bytes) else repr(value)}
