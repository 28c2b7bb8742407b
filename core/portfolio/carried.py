"""What archives hold of closed pieces and fills, as the figures need it."""

from core.domain.archives import Archived, ArchivedPart
from core.ids import Symbol
from core.ports.storage import Reader


def archived_of(reader: Reader, symbol: Symbol) -> Archived:
    """Return what is carried forward of one symbol, and the shares of fills in pieces that are archived."""
    return Archived(archived_parts(reader, symbol), reader.placed_shares(symbol))


def archived_parts(reader: Reader, symbol: Symbol | None = None) -> tuple[ArchivedPart, ...]:
    """Return what is carried forward, oldest archive first, of one symbol or of all."""
    archives = {each.number: each for each in reader.fill_archives()}
    return tuple(
        ArchivedPart(each, archives[each.archive].file, archives[each.archive].up_to)
        for each in reader.carried_forward(symbol)
        if each.archive in archives  # one whose seal was taken away: then nothing adds up, and so it shall be
    )
