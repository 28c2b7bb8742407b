"""SIGKILL at each step of a rotation: the profile opens as it was before or as it is after, never half."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from core.audit.verify import Verifier
from core.clock import ManualClock
from core.domain.credentials import SecretName
from core.storage import rotation, vault
from core.storage.anchors import find_signing_key, signing_key
from core.storage.secrets import SecretFile
from core.storage.store import open_store
from tests.crash.rotation_child import PASSPHRASE, fill, victim
from tests.crash.warm import LONGEST_S, begin

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
STEPS = (
    ("rotation.exported", 1, False),
    ("rotation.compared", 1, False),
    ("rotation.recorded", 1, False),
    ("rotation.sealed", 1, False),
    ("rotation.committed", 1, True),
    ("rotation.moved", 1, True),
    ("rotation.moved", 2, True),
    ("rotation.moved", 3, True),
)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pattern")
    key = vault.create(folder, PASSPHRASE, cost=CHEAP)
    open_store(folder / "investiq.db", key, create=True).close()
    SecretFile(folder, key, ManualClock()).set(SecretName.POLYGON, "aSecretOfSomeLength")
    signing_key(folder, key)
    fill(folder / "investiq.db", key, "before")
    return folder


async def _entities(folder: Path, key: vault.Key) -> list[str]:
    store = open_store(folder / "investiq.db", key, create=False)
    try:
        assert not (await Verifier(store).verify()).faults
        records = await store.read(lambda reader: reader.audit_records(1, 100))
        return [record.entity for record in records]
    finally:
        await store.close_async()


def _check(folder: Path) -> bool:
    """Open all that is sealed, and say whether the rotation is in the record."""
    rotation.settle(folder, folder / "investiq.db")
    key = vault.unlock(folder, PASSPHRASE).key
    assert SecretFile(folder, key, ManualClock()).get(SecretName.POLYGON).text == "aSecretOfSomeLength"
    assert find_signing_key(folder, key) is not None
    assert not list(folder.glob("*.g*"))
    entities = asyncio.run(_entities(folder, key))
    assert entities[0] == "before"
    return entities[1:] == ["rotated"]


def _killed(folder: Path, place: str, passes: int) -> None:
    process = begin(victim, folder, place, passes)
    process.join(LONGEST_S)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize(("place", "passes", "is_new"), STEPS)
def test_rotation_killed_at_a_step_is_old_or_new_and_never_half(pattern, tmp_path, place, passes, is_new):
    folder = Path(shutil.copytree(pattern, tmp_path / "desk"))
    before = vault.unlock(folder, PASSPHRASE).key

    _killed(folder, place, passes)

    assert _check(folder) is is_new
    assert (vault.unlock(folder, PASSPHRASE).key != before) is is_new


def test_rotation_killed_while_a_killed_one_is_finished_is_new(pattern, tmp_path):
    folder = Path(shutil.copytree(pattern, tmp_path / "desk"))
    _killed(folder, "rotation.committed", 1)

    # The second finishes the first before it begins, and dies in the middle of that.
    _killed(folder, "rotation.moved", 2)

    assert _check(folder)
    assert vault.generation(folder) == 2


def test_every_step_of_a_rotation_is_killed_at():
    text = Path(rotation.__file__).read_text(encoding="utf-8")
    named = {line.split('"')[1] for line in text.splitlines() if "failpoint(" in line and '"' in line}

    assert named == {place for place, _, _ in STEPS}
    assert os.name == "posix"
