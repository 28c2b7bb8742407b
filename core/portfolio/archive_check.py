"""The check of archived fills: seals, archives, what is carried forward, and every position beside it."""

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from core.domain.archives import ArchivedTrades, Carried, FillArchive
from core.domain.audit import AuditReport
from core.domain.money import ZERO
from core.errors import DatabaseDamaged, NotADatabase, StorageError
from core.ids import ExecId, Symbol
from core.portfolio.archiving import digest_of
from core.portfolio.carried import archived_of
from core.portfolio.provenance import proof, readds
from core.portfolio.retiring import carry, fault_of
from core.ports.fill_archives import FillFiles
from core.ports.storage import Reader, Store


@dataclass(frozen=True, slots=True)
class FillsReport:
    """What a check of the archived fills came to.

    Attributes:
        fills: how many are archived.
        faults: what does not hold, for people.
        absent: archives that are not at hand; of these only the seals were checked.
    """

    archives: int
    fills: int
    faults: tuple[str, ...]
    absent: tuple[str, ...]


class FillCheck:
    """Checks what was archived of the fills."""

    def __init__(self, store: Store, files: FillFiles) -> None:
        self._store = store
        self._files = files

    async def run(self, audit: AuditReport) -> FillsReport:
        """Check every seal, every archive at hand, and that every position still adds up.

        Args:
            audit: of a check of the whole record, which tells of the newest seal.

        Raises:
            StorageError: the database could not be read; it is neither good nor bad.
        """
        found = await self.archives(audit)
        if not found.archives:
            return found
        return replace(found, faults=(*found.faults, *await self._not_adding_up()))

    async def archives(self, audit: AuditReport) -> FillsReport:
        """Check every seal, and every archive at hand.

        Args:
            audit: of a check of the whole record, which tells of the newest seal.

        Raises:
            StorageError: the database could not be read; it is neither good nor bad.
        """
        archives = await self._store.read(lambda reader: reader.fill_archives())
        faults: list[str] = []
        absent: list[str] = []
        before, placed = "", dict[ExecId, Decimal]()
        for number, archive in enumerate(archives, start=1):
            carried = await self._store.read(partial(_carried, archive))
            if archive.number != number or digest_of(archive, carried, before) != archive.digest:
                faults.append(f"the seal of archive {archive.file}, or what it carries forward, was changed")
            before = archive.digest
            await self._open(archive, carried, placed, faults, absent)
            for each in carried.placed:
                placed[each.exec_id] = placed.get(each.exec_id, ZERO) + each.qty
        # Where the record of it stands in an archive that is not at hand, nothing can be held against it.
        if audit.fills_seal != before and (audit.fills_seal or not audit.absent):
            faults.append("the newest seal of archived fills is not the one that the audit record tells of")
        fills = sum(archive.fills for archive in archives)
        return FillsReport(len(archives), fills, tuple(faults), tuple(absent))

    async def _open(
        self,
        archive: FillArchive,
        carried: Carried,
        placed: dict[ExecId, Decimal],
        faults: list[str],
        absent: list[str],
    ) -> None:
        try:
            trades = await asyncio.to_thread(self._files.read, archive)
        except (DatabaseDamaged, NotADatabase) as error:
            faults.append(str(error))
        except StorageError as error:
            absent.append(str(error))
        else:
            fault = await asyncio.to_thread(_fault, archive, carried, trades, placed)
            if fault:
                faults.append(f"archive {archive.file}: {fault}")

    async def _not_adding_up(self) -> list[str]:
        def symbols(reader: Reader) -> list[Symbol]:
            return [position.symbol for position in reader.positions()]

        held = await self._store.read(symbols)
        return [
            f"{symbol}: fills and what is carried forward do not add up to the position"
            for symbol in held
            if not await self._store.read(partial(_adds_up, symbol))
        ]


def _fault(
    archive: FillArchive, carried: Carried, trades: ArchivedTrades, placed: dict[ExecId, Decimal]
) -> str:
    if (archive.fills, archive.closes) != (len(trades.fills), len(trades.closes)):
        return "it holds another number of rows than its seal says"
    if carry(archive.number, trades) != carried:
        return "what is carried forward is not what it holds"
    return fault_of(trades, placed)


def _carried(archive: FillArchive, reader: Reader) -> Carried:
    return reader.carried_of(archive)


def _adds_up(symbol: Symbol, reader: Reader) -> bool:
    position = next(each for each in reader.positions() if each.symbol == symbol)
    fills, closes = reader.fills(symbol), reader.lot_closes(symbol)
    return readds(proof(position, fills, closes, None, archived_of(reader, symbol)))
