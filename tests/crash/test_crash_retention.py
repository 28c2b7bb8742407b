"""SIGKILL at each step of a run of retention: every segment is sealed or as it was, and no record is lost."""

import asyncio
import shutil
import signal
from pathlib import Path

import pytest

from core.audit import sealing
from core.audit.verify import Verifier
from core.storage import archive_folder, retention
from core.storage.segments import archives_of
from tests.crash.retention_child import AT_ONCE, DESK, NOW, RECORDS, fill, opened, sealer_of, victim
from tests.crash.warm import LONGEST_S, begin

# Where, at which pass, and up to which record is sealed then.
STEPS = (
    ("retention.written", 1, 0),
    ("retention.written", 2, 7),
    ("retention.compared", 1, 0),
    ("retention.compared", 3, 14),
    ("retention.half_deleted", 1, 0),
    ("retention.half_deleted", 2, 7),
    ("uow.seal_segment", 1, 0),
    ("store.before_commit", 1, 0),
    ("store.after_commit", 1, 7),
    ("retention.sealed", 1, 7),
    ("retention.sealed", 3, 20),
    ("retention.placed", 1, 20),
    ("retention.placed", 2, 20),
)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pattern")
    fill(folder)
    return folder


async def _state(folder: Path) -> tuple[int, list[str]]:
    store = opened(folder)
    try:
        archives = archives_of(store.path)
        report = await Verifier(store, None, archives).verify()
        assert (report.faults, report.absent) == ((), ())
        seals = await store.read(lambda reader: reader.audit_segments())
        standing = await store.read(lambda reader: reader.audit_records(0, 100))
        records = [*(record for each in seals for record in archives.read(each)), *standing]
        return report.sealed_to, [record.entity for record in records]
    finally:
        await store.close_async()


async def _finish(folder: Path) -> None:
    store = opened(folder)
    try:
        before = sealing.due_before(NOW, sealing.timedelta(days=365))
        await sealer_of(folder, store).run(before, NOW, DESK)
    finally:
        await store.close_async()


@pytest.mark.parametrize(("place", "passes", "sealed_to"), STEPS)
def test_run_killed_at_a_step_loses_nothing_and_the_next_one_finishes_it(
    pattern, tmp_path, monkeypatch, place, passes, sealed_to
):
    monkeypatch.setattr(sealing, "MOST_RECORDS", AT_ONCE)
    folder = Path(shutil.copytree(pattern, tmp_path / "desk"))
    _, before = asyncio.run(_state(folder))
    process = begin(victim, folder, place, passes)
    process.join(LONGEST_S)
    assert process.exitcode == -signal.SIGKILL

    found, entities = asyncio.run(_state(folder))
    assert (found, entities[: len(before)]) == (sealed_to, before)

    asyncio.run(_finish(folder))
    assert asyncio.run(_state(folder))[0] == RECORDS
    files = sorted(path.suffix for path in (folder / archive_folder.FOLDER).iterdir())
    assert files == [".db"] * 3


def test_every_step_of_a_run_is_killed_at():
    text = "".join(
        Path(each.__file__).read_text(encoding="utf-8") for each in (retention, archive_folder, sealing)
    )
    named = {line.split('"')[1] for line in text.splitlines() if "failpoint(" in line and '"' in line}

    assert named <= {place for place, _, _ in STEPS}
