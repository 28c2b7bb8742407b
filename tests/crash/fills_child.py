"""What runs in the processes that archive old fills until they are killed."""

import asyncio
import shutil
from pathlib import Path

from core.portfolio import retiring
from core.storage import vault
from core.storage.store import open_store
from tests.crash.child import die_at
from tests.fakes.fill_history import BEFORE, DESK, NOW, OLD, FillHistory, days, fill, round_trip

TRIPS = 5
AT_ONCE = 6


def opened(folder: Path) -> FillHistory:
    """Open the database of a folder, whose key stands beside it."""
    key = vault.Key((folder / "key").read_bytes())
    return FillHistory(open_store(folder / "a.db", key, create=False), key)


def lay_out(folder: Path) -> None:
    """Make a database with lots that were closed long ago, and a fill that is young."""

    async def main() -> None:
        desk = FillHistory.begin(folder)
        (folder / "key").write_bytes(desk.key.reveal())
        for number in range(TRIPS):
            await desk.book(*round_trip(str(number), OLD + days(number)))
        await desk.book(fill("young", at=NOW))
        await desk.store.close_async()

    asyncio.run(main())


def copied(pattern: Path, folder: Path) -> Path:
    """Copy a folder with a database that nobody has open."""
    return Path(shutil.copytree(pattern, folder))


def victim(folder: Path, place: str, passes: int) -> None:
    """Archive until killed at a named place."""
    die_at(place, passes)
    retiring.MOST_ROWS = AT_ONCE

    async def main() -> None:
        desk = opened(folder)
        await desk.archiver.run(BEFORE, NOW, DESK)
        await desk.store.close_async()

    asyncio.run(main())
