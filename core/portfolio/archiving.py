"""Moves old fills and closed lots into archives; what they come to is carried forward.

The archive is written, read back and compared before the one transaction that stores its seal and its sums,
records it and deletes the rows. Ended before that, the fills are as they were; ended after, archived.
"""

import asyncio
import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

from core.domain.access import Actor
from core.domain.archives import ArchivedTrades, Carried, FillArchive
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.money import normal, plain
from core.errors import DatabaseDamaged
from core.failpoints import failpoint
from core.ids import ExecId, Symbol
from core.portfolio.retiring import Retired, batches, carry, fault_of, retired
from core.ports.fill_archives import FillFiles
from core.ports.journal import Journal, Record
from core.ports.storage import Reader, Store, UnitOfWork

VERSION = "investiq-fills-v1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FillArchiver:
    """Finds what is due and archives it. One at a time; the desk may write meanwhile."""

    def __init__(self, store: Store, journal: Journal, files: FillFiles) -> None:
        self._store = store
        self._journal = journal
        self._files = files

    async def due(self, before: datetime) -> tuple[Retired, ...]:
        """List what a run would archive now, by symbol; changes nothing.

        Args:
            before: what is from before this moment, UTC.

        Raises:
            StorageError: it could not be read.
        """

        def symbols(reader: Reader) -> list[Symbol]:
            return [position.symbol for position in reader.positions()]

        found = []
        for symbol in await self._store.read(symbols):
            due = await self._store.read(partial(_due, symbol, before))
            if due.orders:
                found.append(due)
        return tuple(found)

    async def run(self, before: datetime, now: datetime, actor: Actor) -> tuple[FillArchive, ...]:
        """Archive what is due, and return the new seals.

        Args:
            before: as for `due`.
            now: our time, UTC.

        Raises:
            DatabaseDamaged: rows or archive do not hold; from there on nothing was archived.
            StorageError: what was archived so far stays archived, the rest as it was.
        """
        await self.settle()
        made = []
        for trades in batches(await self.due(before)):
            archive = await self._archive(trades, before, now, actor)
            if archive is not None:
                made.append(archive)
        await self.settle()
        return tuple(made)

    async def settle(self) -> None:
        """Finish what was cut off.

        Raises:
            StorageError: a file could not be moved or removed; nothing is lost.
        """
        archives = await self._store.read(lambda reader: reader.fill_archives())
        await asyncio.to_thread(self._files.settle, archives)

    async def _archive(
        self, trades: ArchivedTrades, before: datetime, now: datetime, actor: Actor
    ) -> FillArchive | None:
        symbols = {each.fill.symbol for each in trades.fills}

        def query(reader: Reader) -> tuple[tuple[FillArchive, ...], dict[ExecId, Decimal]]:
            placed: dict[ExecId, Decimal] = {}
            for symbol in symbols:
                placed |= reader.placed_shares(symbol)
            return reader.fill_archives(), placed

        archives, placed = await self._store.read(query)
        if fault := fault_of(trades, placed):
            raise DatabaseDamaged(f"{fault}; from there on no fill was archived. Compare with a backup")
        number = len(archives) + 1
        carried = carry(number, trades)
        name, key = f"fills-{number:06d}-{secrets.token_hex(4)}.db", secrets.token_hex(32)
        sha256 = await asyncio.to_thread(self._files.write, name, key, trades)
        archive = FillArchive(
            number=number,
            fills=len(trades.fills),
            closes=len(trades.closes),
            up_to=max(each.fill.transact_time for each in trades.fills),
            sealed_at_us=(now - _EPOCH) // timedelta(microseconds=1),
            file=name,
            sha256=sha256,
            digest="",
            key=key,
        )
        archive = replace(
            archive, digest=digest_of(archive, carried, archives[-1].digest if archives else "")
        )
        if await asyncio.to_thread(self._files.read, archive) != trades:
            raise DatabaseDamaged(f"archive {name} does not hold what was written; nothing was archived")
        failpoint("fills.compared")

        def work(uow: UnitOfWork, record: Record) -> bool:
            is_archived = uow.archive_fills(archive, carried, trades, before)
            if is_archived:
                record(_draft(archive, symbols, actor))
            return is_archived

        # An order that has changed meanwhile is left to the next run, with all that was to go with it.
        is_archived = await self._journal.write(work)
        failpoint("fills.archived")
        return archive if is_archived else None


def _due(symbol: Symbol, before: datetime, reader: Reader) -> Retired:
    # The newest of a symbol stays: what is taken over from the broker is named by it, so that nothing else
    # bears the same name. With the newest of all, row numbers go on and what is asked of the broker begins.
    newest = reader.fills(symbol, 1)
    kept = newest[-1].cl_ord_id if newest else None
    return retired(symbol, reader.old_trades(symbol, before), before, kept)


def digest_of(archive: FillArchive, carried: Carried, before: str) -> str:
    """Return the digest of a seal, over all that stays in the database for an archive.

    Args:
        before: the digest of the seal before it; empty for the first.
    """
    facts = {
        "version": VERSION,
        "before": before,
        "archive": {name: value for name, value in _told(asdict(archive)) if name not in ("digest", "key")},
        "orders": [dict(_told(asdict(each))) for each in carried.orders],
        "sums": [dict(_told(asdict(each))) for each in carried.sums],
        "placed": [dict(_told(asdict(each))) for each in carried.placed],
    }
    digest = hashlib.sha256(payload_of(facts).encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _told(values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, Decimal):
            yield name, plain(normal(value))
        else:
            yield name, value.isoformat() if isinstance(value, datetime) else value


def _draft(archive: FillArchive, symbols: set[Symbol], actor: Actor) -> AuditDraft:
    facts = {
        "file": archive.file,
        "fills": archive.fills,
        "closes": archive.closes,
        "up_to": archive.up_to.isoformat(),
        "symbols": sorted(symbols),
        "seal": archive.digest,
        "sha256": archive.sha256,
    }
    entity = f"{archive.fills} fills, {archive.closes} closed pieces"
    return AuditDraft(AuditAction.FILLS_ARCHIVED, actor, entity, payload_of(facts))
