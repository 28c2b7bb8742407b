"""SIGKILL at each step of archiving fills: each archive is whole or not there, and no row is lost."""

import asyncio
import signal
from pathlib import Path

import pytest

from core.portfolio import archiving, retiring
from core.storage import archive_folder, archive_store
from tests.crash.fills_child import AT_ONCE, TRIPS, copied, lay_out, opened, victim
from tests.crash.warm import LONGEST_S, begin

# Where, at which pass, and how many fills are archived then.
STEPS = (
    ("retention.written", 1, 0),
    ("retention.written", 2, 4),
    ("fills.compared", 1, 0),
    ("fills.compared", 3, 8),
    ("uow.archive_fills", 1, 0),
    ("fills.half_deleted", 1, 0),
    ("fills.half_deleted", 2, 4),
    ("store.before_commit", 1, 0),
    ("store.after_commit", 1, 4),
    ("fills.archived", 1, 4),
    ("fills.archived", 3, 10),
    ("retention.placed", 1, 10),
    ("retention.placed", 2, 10),
)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pattern")
    lay_out(folder)
    return folder


async def _state(folder: Path) -> tuple[int, list[str]]:
    desk = opened(folder)
    try:
        report = await desk.check()
        assert (report.faults, report.absent) == ((), ())
        assert await desk.adds_up()
        archives = await desk.store.read(lambda reader: reader.fill_archives())
        held = [desk.files.read(each) for each in archives]
        names = [each.fill.exec_id for trades in held for each in trades.fills] + await desk.names()
        closes = await desk.store.read(lambda reader: reader.lot_closes())
        assert sum(len(trades.closes) for trades in held) + len(closes) == TRIPS
        return report.fills, names
    finally:
        await desk.store.close_async()


async def _finish(folder: Path) -> None:
    desk = opened(folder)
    try:
        await desk.run()
    finally:
        await desk.store.close_async()


@pytest.mark.parametrize(("place", "passes", "archived"), STEPS)
def test_run_killed_at_a_step_loses_nothing_and_the_next_one_finishes_it(
    pattern, tmp_path, monkeypatch, place, passes, archived
):
    monkeypatch.setattr(retiring, "MOST_ROWS", AT_ONCE)
    folder = copied(pattern, tmp_path / "desk")
    _, before = asyncio.run(_state(folder))
    process = begin(victim, folder, place, passes)
    process.join(LONGEST_S)
    assert process.exitcode == -signal.SIGKILL

    assert asyncio.run(_state(folder)) == (archived, before)

    asyncio.run(_finish(folder))
    assert asyncio.run(_state(folder)) == (2 * TRIPS, before)
    files = sorted(path.suffix for path in (folder / archive_folder.FOLDER).iterdir())
    assert files == [".db"] * 3


def test_every_step_of_a_run_is_killed_at():
    modules = (archive_folder, archive_store, archiving)
    text = "".join(Path(each.__file__).read_text(encoding="utf-8") for each in modules)
    named = {line.split('"')[1] for line in text.splitlines() if "failpoint(" in line and '"' in line}

    assert named == {place for place, _, _ in STEPS if not place.startswith("store.")}
