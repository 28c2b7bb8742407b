"""SIGKILL at each step of an upgrade: the schema is the old or the new one; the next try gets there."""

import shutil
import signal
from pathlib import Path

import pytest

from app import profile as profiles
from app.opening import schema_of
from app.upgrading import upgrade
from core.adapters import keychain
from core.storage import engine, vault
from core.storage.migration import HEAD
from tests.crash.restore_child import upgrading
from tests.crash.warm import LONGEST_S, begin
from tests.fakes.desk_files import CHEAP, PASSPHRASE, key_of, records_of
from tests.fakes.old_schemas import REVISIONS, Rows, build, contents

# The migration is passed on the copy first, and then on the database itself.
STEPS = (
    ("backup.exported", 1, False),
    ("migration.upgraded", 1, False),
    ("backup.checked", 1, False),
    ("backup.packed", 1, False),
    ("migration.upgraded", 2, False),
    ("uow.append_audit", 1, True),
)


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch) -> None:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "none here"))


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rows]:
    folder = tmp_path_factory.mktemp("pattern") / "root" / "profiles" / "desk"
    folder.mkdir(parents=True)
    (folder / "profile.toml").write_text('[account]\nmode = "sim"\nbroker = "simulator"\n')
    key = vault.create(folder, PASSPHRASE, cost=CHEAP)
    return folder.parents[1], build(folder / "investiq.db", key, REVISIONS[0])


@pytest.mark.parametrize(("place", "passes", "is_new"), STEPS)
def test_upgrade_killed_at_a_step_is_old_or_new_and_never_half(pattern, tmp_path, place, passes, is_new):
    source, rows = pattern
    desk = profiles.load(Path(shutil.copytree(source, tmp_path / "root")), "desk")
    process = begin(upgrading, desk.folder, place, passes)
    process.join(LONGEST_S)
    assert process.exitcode == -signal.SIGKILL

    unlocked = vault.unlock(desk.folder, PASSPHRASE)
    found = schema_of(desk.database, unlocked.key).revision
    reading = engine.reading_engine(desk.database, unlocked.key)
    with reading.connect() as connection:
        stored = contents(connection)
    reading.dispose()

    assert found == (HEAD if is_new else REVISIONS[0])
    assert is_new or stored == rows
    upgrade(desk, unlocked)
    assert schema_of(desk.database, key_of(desk)).is_current
    assert records_of(desk)[-1].action == "schema.upgraded"
