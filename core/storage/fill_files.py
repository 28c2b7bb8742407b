"""Archives of fills and closed lots: one encrypted file for some thousand rows, each as it stood."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, Table, insert, select

from core.domain.archives import ArchivedTrades, FillArchive, StoredClose, StoredFill
from core.storage import tables as t
from core.storage.archive_folder import FOLDER, ArchiveFolder, Named
from core.storage.rows import close_of, close_values, fill_of, fill_values

_metadata = MetaData()


def _bare(table: Table) -> Table:
    # The same columns and no more: what they point to stays in the database.
    columns = (Column(each.name, each.type, nullable=each.nullable) for each in table.c if each.name != "id")
    return Table(table.name, _metadata, Column("id", table.c.id.type, primary_key=True), *columns)


_fills, _closes = _bare(t.fills), _bare(t.lot_closes)


class FillFiles:
    """`ports.fill_archives.FillFiles` in a folder, which is made with the first of them.

    Args:
        folder: the profile's `archive`.
    """

    def __init__(self, folder: Path) -> None:
        self._files = ArchiveFolder(folder, "fills")

    def write(self, name: str, key: str, trades: ArchivedTrades) -> str:
        return self._files.write(name, key, lambda connection: _fill(connection, trades))

    def read(self, archive: FillArchive) -> ArchivedTrades:
        named = Named(archive.file, archive.sha256, archive.key, f"{archive.fills} fills")
        return self._files.read(named, _contents)

    def settle(self, archives: Sequence[FillArchive]) -> None:
        self._files.settle({archive.file for archive in archives})


def fill_files_of(database: Path) -> FillFiles:
    """Return the archives of a database's fills."""
    return FillFiles(database.parent / FOLDER)


def _fill(connection: Connection, trades: ArchivedTrades) -> None:
    _metadata.create_all(connection, checkfirst=False)
    fills = [{"id": each.place, **fill_values(each.fill)} for each in trades.fills]
    closes = [{"id": each.place, **close_values(each.close)} for each in trades.closes]
    connection.execute(insert(_fills), fills)
    if closes:
        connection.execute(insert(_closes), closes)


def _contents(connection: Connection) -> ArchivedTrades:
    fills = connection.execute(select(_fills).order_by(_fills.c.id)).mappings()
    closes = connection.execute(select(_closes).order_by(_closes.c.id)).mappings()
    return ArchivedTrades(
        tuple(StoredFill(row["id"], fill_of(row)) for row in fills),
        tuple(StoredClose(row["id"], close_of(row)) for row in closes),
    )
