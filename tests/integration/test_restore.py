"""A backup put back as typed: what becomes of what stood there, what is recorded, and what is refused."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from app import profile as profiles
from app.anchoring import begin_anchoring, keyring_anchor
from app.backing_up import backups_of
from app.instance import ProfileLock
from app.swapping import settle
from core.adapters import keychain
from core.audit.anchors import Anchorer
from core.bus import Bus
from core.clock import ManualClock, SystemClock
from core.domain.credentials import SecretName
from core.storage import backup_swap, vault
from core.storage.backup_archive import opened, pack
from core.storage.secrets import SecretFile
from core.storage.store import open_store
from tests.fakes.desk_files import (
    CHEAP,
    OTHER,
    PAIR,
    PASSPHRASE,
    Run,
    files_of,
    key_of,
    make,
    note,
    records_of,
    runner,
)
from tests.fakes.evil_backup import EVIL
from tests.fakes.keychain import MemoryKeyring, allow


@pytest.fixture(autouse=True)
def ring(monkeypatch) -> MemoryKeyring:
    """A keyring of the test's own."""
    made = MemoryKeyring()
    allow(monkeypatch)
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(made, "the test's keyring"))
    return made


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pattern") / "root"
    make(root)
    return root


@pytest.fixture
def desk(pattern: Path, tmp_path: Path) -> profiles.Profile:
    return profiles.load(Path(shutil.copytree(pattern, tmp_path / "root")), "desk")


@pytest.fixture
def run(tmp_path: Path, monkeypatch, capsys) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def _back_up(run: Run, desk: profiles.Profile) -> Path:
    assert run("backup", "create")[0] == 0
    (path,) = backups_of(desk.folder).glob("*.zip")
    return path


def _anchor(desk: profiles.Profile) -> None:
    """Show the head to every witness, as a program that runs does."""

    async def main() -> None:
        key = key_of(desk)
        store = open_store(desk.database, key, create=False)
        anchoring = begin_anchoring(desk.folder, key, store.installation_id, desk.name)
        anchorer: Anchorer = anchoring.writing(store, SystemClock(), Bus())
        await anchorer.anchor()
        await store.close_async()

    asyncio.run(main())


def _hidden(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "profiles").iterdir() if path.name.startswith((".r", ".m")))


def test_restored_profile_is_as_it_was_and_the_one_before_is_kept_beside_it(run: Run, desk, tmp_path):
    path = _back_up(run, desk)
    note(desk, "after")
    _anchor(desk)
    before = files_of(desk.folder)

    code, out, _ = run("backup", "restore", path)

    assert code == 0
    assert [each.entity for each in records_of(desk)[1:]] == ["before", "desk"]
    assert SecretFile(desk.folder, key_of(desk), ManualClock()).get(SecretName.ALPACA_PAPER).text == PAIR
    assert desk.ledger.read_text() == '{"n":1}\n'
    assert desk.emergency.read_text() == '{"action":"x"}\n'
    (replaced,) = _hidden(tmp_path / "root")
    assert files_of(tmp_path / "root" / "profiles" / replaced) == before
    assert replaced in out
    assert run("audit", "verify")[0] == 0


def test_restore_is_recorded_with_where_it_went_back_to_and_what_it_left_out(run: Run, desk, tmp_path):
    path = _back_up(run, desk)
    with opened(path) as archive:
        head = archive.manifest.head
    note(desk, "after")
    newest = records_of(desk)[-1]
    _anchor(desk)

    code, out, _ = run("backup", "restore", path)

    last = records_of(desk)[-1]
    facts = json.loads(last.payload)
    (replaced,) = _hidden(tmp_path / "root")
    (aside,) = desk.folder.glob("anchors.set-aside-*.jsonl")
    assert (code, last.action, last.actor, last.role) == (0, "restored", "owner", "admin")
    assert (facts["head_seq"], facts["head_digest"]) == (head.seq, head.digest)
    assert (facts["anchor_seq"], facts["anchor_digest"]) == (newest.seq, newest.digest)
    assert (facts["file"], facts["set_aside"], facts["replaced"]) == (path.name, aside.name, replaced)
    assert newest.digest in aside.read_text()
    assert f"Record {newest.seq} was anchored before" in out


def test_restored_chain_is_anchored_anew_everywhere_and_goes_on(run: Run, desk, ring):
    path = _back_up(run, desk)
    for word in ("one", "two", "three"):
        note(desk, word)
    _anchor(desk)
    assert run("backup", "restore", path)[0] == 0

    code, out, _ = run("audit", "verify")
    note(desk, "later")
    _anchor(desk)

    assert (code, "side file" in out, "the test's keyring" in out) == (0, True, True)
    assert run("audit", "verify")[0] == 0
    assert '"seq":4' in ring.held[keychain.SERVICE, keyring_anchor(desk.folder, "desk")._account]


def test_backup_is_restored_on_a_computer_that_never_saw_the_profile(run: Run, desk, tmp_path):
    vault.add_keyring(desk.folder, vault.unlock(desk.folder, PASSPHRASE))
    path = Path(shutil.move(_back_up(run, desk), tmp_path / "carried.zip"))
    shutil.rmtree(tmp_path / "root")

    code, out, _ = run("backup", "restore", path, name=None)

    assert (code, "investiq secrets list" in out) == (0, True)
    assert [each.entity for each in records_of(desk)[1:-1]] == ["before"]
    assert not vault.has_keyring(desk.folder)
    assert profiles.last_used(tmp_path / "root") == "desk"
    assert desk.folder.stat().st_mode & 0o777 == 0o700
    assert run("audit", "verify", name=None)[0] == 0
    assert _hidden(tmp_path / "root") == []


def test_drill_under_another_name_leaves_the_profile_alone(run: Run, desk):
    path = _back_up(run, desk)
    before = files_of(desk.folder)

    assert run("backup", "restore", path, name="drill")[0] == 0

    assert files_of(desk.folder) == before
    drill = profiles.load(desk.folder.parents[1], "drill")
    assert records_of(drill)[-1].action == "restored"


def test_profile_that_was_made_and_never_used_takes_a_backup(run: Run, desk, tmp_path):
    path = _back_up(run, desk)
    shutil.rmtree(desk.folder)
    desk.folder.mkdir()
    (desk.folder / "profile.toml").write_text('[account]\nmode = "sim"\nbroker = "simulator"\n')

    assert run("backup", "restore", path)[0] == 0
    assert records_of(desk)[-1].action == "restored"


def test_damaged_database_is_replaced_by_its_backup(run: Run, desk):
    path = _back_up(run, desk)
    desk.database.write_bytes(b"nothing that could be read")

    assert run("backup", "restore", path)[0] == 0
    assert records_of(desk)[-1].action == "restored"


def test_backup_of_before_a_new_key_is_restored_with_the_passphrase_of_then(run: Run, desk):
    path = _back_up(run, desk)
    assert run("keys", "rotate")[0] == 0

    assert run("backup", "restore", path)[0] == 0
    assert vault.generation(desk.folder) == 1
    assert run("audit", "verify")[0] == 0


@pytest.mark.parametrize("case", sorted(EVIL))
def test_evil_backup_is_refused_and_nothing_is_changed_anywhere(run: Run, desk, tmp_path, case):
    good, bad = _back_up(run, desk), tmp_path / "bad.zip"
    meddle, words = EVIL[case]
    meddle(good, bad)
    before = files_of(tmp_path)

    code, out, err = run("backup", "restore", bad)

    assert (code, out, words in err) == (1, "", True), err
    assert files_of(tmp_path) == before


def test_backup_of_another_installation_is_refused(run: Run, desk, tmp_path):
    path = _back_up(run, desk)
    make(tmp_path / "root", "other")
    before = files_of(tmp_path / "root")

    code, _, err = run("backup", "restore", path, name="other")

    assert (code, "of another installation than profile 'other'" in err) == (1, True)
    assert files_of(tmp_path / "root").keys() - {"profiles/other/lock"} == before.keys()


def test_profile_that_does_not_say_whose_it_is_takes_no_backup(run: Run, desk):
    path = _back_up(run, desk)
    for name in ("anchor.key", "anchors.jsonl"):
        (desk.folder / name).unlink()

    code, _, err = run("backup", "restore", path)

    assert (code, "says which installation it was" in err) == (1, True)


def test_lost_signing_key_leaves_the_anchors_to_say_whose_profile_it_is(run: Run, desk, tmp_path):
    path = _back_up(run, desk)
    _anchor(desk)
    (desk.folder / "anchor.key").unlink()
    shutil.copytree(desk.folder, tmp_path / "root" / "profiles" / "alien")
    side = tmp_path / "root" / "profiles" / "alien" / "anchors.jsonl"
    side.write_text("torn\n" + side.read_text().replace('"installation_id":"', '"installation_id":"x'))

    assert run("backup", "restore", path)[0] == 0
    assert "another installation" in run("backup", "restore", path, name="alien")[2]


def test_user_who_is_no_administrator_restores_nothing(run: Run, desk):
    vault.add_slot(desk.folder, key_of(desk), "sam", OTHER, cost=CHEAP)
    path = _back_up(run, desk)
    before = files_of(desk.folder)

    code, _, err = run("backup", "restore", path, by=OTHER)

    assert code == 1, err
    assert files_of(desk.folder) == before


def test_profile_that_runs_is_not_replaced(run: Run, desk, tmp_path):
    path = _back_up(run, desk)

    with ProfileLock(desk.lock):
        code, _, _ = run("backup", "restore", path)

    assert code == 5
    assert _hidden(tmp_path / "root") == []


def test_wrong_passphrase_restores_nothing(run: Run, desk, tmp_path):
    path = _back_up(run, desk)

    assert run("backup", "restore", path, by=OTHER)[0] == 3
    assert _hidden(tmp_path / "root") == []


def test_manifest_that_vouches_for_another_database_is_refused(run: Run, desk, tmp_path):
    path = _back_up(run, desk)
    folder = tmp_path / "taken"
    folder.mkdir()
    with opened(path) as archive:
        archive.extract(folder)
        manifest = archive.manifest
    from dataclasses import replace

    pack(folder, replace(manifest, schema="0001"), key_of(desk), tmp_path / "bad.zip")

    code, _, err = run("backup", "restore", tmp_path / "bad.zip")

    assert (code, "not the one that its manifest describes" in err) == (1, True)


def test_restore_without_room_changes_nothing(run: Run, desk, monkeypatch):
    path = _back_up(run, desk)
    before = files_of(desk.folder)
    monkeypatch.setattr(
        "core.storage.backup_archive.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 9)
    )

    assert run("backup", "restore", path)[0] == 6
    assert files_of(desk.folder) == before


def test_rename_that_fails_leaves_the_old_profile_and_nothing_to_finish(
    run: Run, desk, tmp_path, monkeypatch
):
    path = _back_up(run, desk)
    before = files_of(desk.folder)
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name.startswith(".restore-"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)

    code, _, err = run("backup", "restore", path)

    assert (code, "what stood there stands there" in err) == (6, True)
    assert files_of(desk.folder) == before
    assert _hidden(tmp_path / "root") == []


def test_keyring_that_gives_no_answer_is_told_at_the_next_start(run: Run, desk, ring):
    path = _back_up(run, desk)
    note(desk, "after")
    _anchor(desk)
    ring.error = keychain_error()

    code, _, err = run("backup", "restore", path)
    assert (code, "the next start tries again" in err) == (0, True)
    assert (desk.folder / backup_swap.MARK).exists()
    ring.error = None

    assert run("audit", "verify")[0] == 0
    assert not (desk.folder / backup_swap.MARK).exists()


def keychain_error() -> Exception:
    from keyring.errors import KeyringError

    return KeyringError("locked")


def test_folder_of_a_restore_that_is_being_made_is_left_alone(desk, tmp_path):
    staged = tmp_path / "root" / "profiles" / ".restore-x"
    staged.mkdir()

    with ProfileLock(staged.with_name(".restore-x.lock")):
        settle(tmp_path / "root")
        assert staged.exists()
    settle(tmp_path / "root")

    assert _hidden(tmp_path / "root") == []


def test_decision_that_leads_elsewhere_is_refused(tmp_path):
    (tmp_path / "restored.json").write_text('{"target": "../x", "replaced": "", "anchor": ""}')

    with pytest.raises(Exception, match="not what was written"):
        backup_swap.decision_of(tmp_path)


def test_name_that_was_taken_meanwhile_is_not_overwritten(tmp_path):
    staged = tmp_path / ".restore-x"
    staged.mkdir()
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "mine").write_text("x")

    with pytest.raises(Exception, match="nothing was overwritten"):
        backup_swap.move(staged, backup_swap.Decision("desk", "", ""))

    assert (tmp_path / "desk" / "mine").exists()
