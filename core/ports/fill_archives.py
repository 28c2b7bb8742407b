"""Archives of fills and closed lots: their seals and sums in the database, and the files of their rows."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from core.domain.archives import ArchivedTrades, Carried, CarriedForward, FillArchive, OldTrades
from core.ids import ClOrdId, ExecId, Symbol


class FillArchiveReader(Protocol):
    """Questions about what was archived and what may be."""

    def fill_archives(self) -> tuple[FillArchive, ...]:
        """List every seal, oldest first."""
        ...

    def carried_forward(self, symbol: Symbol | None = None) -> tuple[CarriedForward, ...]:
        """List what is carried forward, oldest archive first."""
        ...

    def placed_shares(self, symbol: Symbol) -> dict[ExecId, Decimal]:
        """Return, of each fill that has any, the shares in closed pieces that stand in archives."""
        ...

    def archived_shares(self, cl_ord_ids: Sequence[ClOrdId]) -> dict[ClOrdId, Decimal]:
        """Return the shares, signed, of those of the orders whose fills stand in an archive."""
        ...

    def carried_of(self, archive: FillArchive) -> Carried:
        """Return all that is carried forward of one archive."""
        ...

    def old_trades(self, symbol: Symbol, before: datetime) -> OldTrades:
        """Collect what a symbol has from before a market time, and all that may still need it."""
        ...


class FillArchiveWriter(FillArchiveReader, Protocol):
    """Moving fills out of the database."""

    def archive_fills(
        self, archive: FillArchive, carried: Carried, trades: ArchivedTrades, before: datetime
    ) -> bool:
        """Store a seal with what it carries forward, and delete the rows that it stands for.

        Args:
            before: our time, UTC; an order that has changed since then is not what was archived.

        Returns:
            False, and nothing was changed: one of the orders has changed meanwhile.

        Raises:
            StorageError: something in the database still needs one of the rows.
        """
        ...


class FillFiles(Protocol):
    """The files that hold archived fills. Blocks: used on a thread."""

    def write(self, name: str, key: str, trades: ArchivedTrades) -> str:
        """Make an archive, not yet under its name, and return its hexadecimal SHA-256 once it is on the disk.

        Raises:
            StorageUnwritable: the folder takes nothing.
        """
        ...

    def read(self, archive: FillArchive) -> ArchivedTrades:
        """Return what an archive holds.

        Raises:
            DatabaseMissing: it is not at hand.
            DatabaseDamaged: it is not, byte for byte, the one that was sealed, or its key does not open it.
            StorageUnwritable: it cannot be read now.
        """
        ...

    def settle(self, archives: Sequence[FillArchive]) -> None:
        """Give each sealed archive its name, and remove those that were cut off before their seal.

        Raises:
            StorageUnwritable: a file could not be moved or removed; the next try goes on from there.
        """
        ...
