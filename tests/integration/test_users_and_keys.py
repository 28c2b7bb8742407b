"""The commands about users and keys, as typed: what they do, what they record and what they refuse."""

import asyncio
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app import cli, key_commands, user_commands
from app import profile as profiles
from app.instance import ProfileLock
from core.adapters import keychain
from core.audit.verify import Verifier
from core.domain.records import AuditQuery
from core.errors import WrongPassphrase
from core.storage import vault
from core.storage.store import open_store
from core.storage.user_store import stored_users
from tests.fakes.keychain import MemoryKeyring, allow

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
OWNERS, SAMS, LATER = "correct horse battery", "staple of another user", "four plain words now"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def ring(monkeypatch) -> MemoryKeyring:
    """A keyring of the test's own."""
    made = MemoryKeyring()
    allow(monkeypatch)
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(made, "the test's keyring"))
    return made


@pytest.fixture(autouse=True)
def cheap(monkeypatch) -> None:
    for command in (key_commands.change_passphrase, key_commands.use_recovery, user_commands.add):
        monkeypatch.setattr(command, "__kwdefaults__", {"cost": CHEAP})


@pytest.fixture
def desk(tmp_path: Path) -> profiles.Profile:
    return profiles.create(tmp_path / "root", "desk", OWNERS, cost=CHEAP)


def _private(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    return path


@pytest.fixture
def run(tmp_path: Path, monkeypatch, capsys) -> Run:
    """Run a command as whoever knows a passphrase; a second one is what is to be set."""

    def run(*words: str, by: str = OWNERS, new: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        secret = _private(tmp_path / "passphrase", by)
        first = ["--data-dir", str(tmp_path / "root"), "--passphrase-file", str(secret), "--profile", "desk"]
        last = ["--new-passphrase-file", str(_private(tmp_path / "new", new))] if new else []
        code = cli.main([*first, *words, *last])
        out, err = capsys.readouterr()
        for passphrase in (OWNERS, SAMS, LATER):
            assert passphrase not in out + err
        return code, out, err

    return run


def _records(desk: profiles.Profile, passphrase: str = OWNERS) -> list[tuple[str, str, str, str, str]]:
    async def read():
        key = vault.unlock(desk.folder, passphrase).key
        store = open_store(desk.database, key, create=False)
        assert not (await Verifier(store).verify()).faults
        found = await store.read(lambda reader: reader.audit_page(AuditQuery(limit=50)))
        await store.close_async()
        return found

    page = sorted(asyncio.run(read()), key=lambda each: each.seq)
    return [(each.action, each.actor, each.role, each.entity, each.payload) for each in page[1:]]


def _roles(desk: profiles.Profile, passphrase: str = OWNERS) -> dict[str, str]:
    key = vault.unlock(desk.folder, passphrase).key
    return {each.name: each.role for each in stored_users(desk.database, key)}


def test_added_user_opens_the_profile_in_their_role_and_is_recorded(run: Run, desk):
    code, out, _ = run("users", "add", "sam", "--role", "viewer", new=SAMS)

    assert (code, "sam is a user" in out) == (0, True)
    assert vault.unlock(desk.folder, SAMS).user == "sam"
    assert _roles(desk) == {"owner": "admin", "sam": "viewer"}
    assert _records(desk) == [
        ("user.added", "owner", "admin", "sam", '{"after":"viewer","before":""}')
    ]  # fmt: skip


def test_users_are_listed_for_everybody_with_role_and_way_in(run: Run, desk):
    run("users", "add", "sam", "--role", "viewer", new=SAMS)

    code, out, _ = run("users", "list", by=SAMS)

    assert code == 0
    assert [line.split("\t")[:2] for line in out.splitlines()] == [["owner", "admin"], ["sam", "viewer"]]
    assert out.count("has a passphrase") == 2


@pytest.mark.parametrize(
    ("words", "new"),
    [
        (("users", "add", "eve", "--role", "admin"), LATER),
        (("users", "set-role", "sam", "admin"), ""),
        (("users", "remove", "owner"), ""),
        (("keys", "rotate"), ""),
        (("keys", "recovery"), ""),
        (("keys", "keyring", "on"), ""),
        (("secrets", "remove", "polygon"), ""),
    ],
)
@pytest.mark.parametrize("role", ["viewer", "trader"])
def test_what_is_an_administrators_is_refused_to_everybody_else_and_changes_nothing(
    run: Run, desk, role, words, new
):
    run("users", "add", "sam", "--role", role, new=SAMS)
    before = {path.name: path.read_bytes() for path in desk.folder.iterdir()}

    code, _, err = run(*words, by=SAMS, new=new)

    assert (code, "needs the role admin" in err) == (1, True)
    assert {path.name: path.read_bytes() for path in desk.folder.iterdir()} == before


def test_changed_role_is_in_force_and_recorded_with_before_and_after(run: Run, desk):
    run("users", "add", "sam", "--role", "viewer", new=SAMS)

    assert run("users", "set-role", "sam", "admin")[0] == 0
    assert run("users", "set-role", "sam", "admin")[1].endswith("nothing was changed\n")
    assert run("users", "set-role", "owner", "trader", by=SAMS)[0] == 0

    assert _roles(desk) == {"sam": "admin", "owner": "trader"}
    assert [each[0] for each in _records(desk)] == ["user.added", "user.changed", "user.changed"]
    assert _records(desk)[1][4] == '{"after":"admin","before":"viewer"}'


def test_last_administrator_stays(run: Run, desk):
    run("users", "add", "sam", "--role", "trader", new=SAMS)

    for words in (("users", "set-role", "owner", "viewer"), ("users", "remove", "owner")):
        code, _, err = run(*words)
        assert (code, "last administrator" in err) == (1, True)

    assert _roles(desk)["owner"] == "admin"


def test_removed_user_is_shut_out_of_the_database_too(run: Run, desk):
    run("users", "add", "sam", "--role", "trader", new=SAMS)
    theirs = vault.unlock(desk.folder, SAMS).key

    code, _, _ = run("users", "remove", "sam")

    assert code == 0
    assert vault.unlock(desk.folder, OWNERS).key != theirs
    with pytest.raises(WrongPassphrase):
        vault.unlock(desk.folder, SAMS)
    assert _roles(desk) == {"owner": "admin", "sam": ""}
    assert [each[0] for each in _records(desk)] == ["user.added", "user.removed", "key.rotated"]
    assert run("users", "add", "sam", "--role", "viewer", new=LATER)[0] == 0


@pytest.mark.parametrize(
    ("name", "new", "words"),
    [
        ("owner", SAMS, "there is a user"),
        ("OWNER", SAMS, "there is a user"),
        ("desk", SAMS, "cannot be a user's name"),
        ("sam", "fourteen chars", "15 characters"),
        ("sam", "correct horse battery staple", "first that would be tried"),
        ("sam", "sam-sam-sam-desk-123", "first that would be tried"),
        ("sam", OWNERS, "in use"),
    ],
)
def test_user_who_cannot_be_is_refused_and_nothing_is_written(run: Run, desk, name, new, words):
    code, _, err = run("users", "add", name, "--role", "viewer", new=new)

    assert (code, words in err) == (1, True), err
    assert vault.users(desk.folder) == ("owner",)
    assert _roles(desk) == {"owner": "admin"}


def test_slot_without_a_row_lets_nobody_do_anything_and_is_written_anew(run: Run, desk):
    key = vault.unlock(desk.folder, OWNERS).key
    vault.add_slot(desk.folder, key, "sam", LATER, cost=CHEAP)

    code, _, err = run("users", "list", by=LATER)
    assert (code, "has no role" in err) == (1, True)
    assert run("users", "add", "sam", "--role", "viewer", new=SAMS)[0] == 0

    assert run("users", "list", by=SAMS)[0] == 0
    assert run("users", "list", by=LATER)[0] == 3


def test_changed_passphrase_opens_and_the_old_one_does_not(run: Run, desk):
    run("users", "add", "sam", "--role", "viewer", new=SAMS)

    assert run("keys", "passphrase", by=SAMS, new=LATER)[0] == 0

    assert vault.unlock(desk.folder, LATER).user == "sam"
    assert run("users", "list", by=SAMS)[0] == 3
    assert _records(desk)[-1][:4] == ("passphrase.changed", "sam", "viewer", "sam")


def test_rotated_key_is_recorded_and_every_passphrase_stays(run: Run, desk):
    run("users", "add", "sam", "--role", "viewer", new=SAMS)
    before = vault.unlock(desk.folder, OWNERS).key

    code, out, _ = run("keys", "rotate")

    assert (code, "key number 2" in out) == (0, True)
    assert vault.unlock(desk.folder, SAMS).key == vault.unlock(desk.folder, OWNERS).key != before
    assert _records(desk)[-1][0] == "key.rotated"
    assert run("audit", "verify")[0] == 0


def test_recovery_key_sets_a_new_passphrase_and_gives_way_to_another(run: Run, desk, tmp_path):
    out = run("keys", "recovery")[1]
    paper = next(line.strip() for line in out.splitlines() if line.startswith("    "))

    sheet = _private(tmp_path / "paper", paper.lower())
    code, second, _ = run("keys", "recovery", "--use", "--from-file", str(sheet), new=LATER)

    assert code == 0
    assert vault.unlock(desk.folder, LATER).user == "owner"
    assert paper not in second
    assert run("keys", "recovery", "--use", "--from-file", str(sheet), new=SAMS)[0] == 3
    assert [each[0] for each in _records(desk, LATER)] == [
        "recovery.made", "recovery.used", "recovery.made",
    ]  # fmt: skip


def test_keyring_is_switched_on_and_off(run: Run, desk, ring):
    assert "opens profile desk as owner" in run("keys", "keyring", "on")[1]
    assert vault.has_keyring(desk.folder)
    assert len(ring.held) == 1

    assert "passphrase only" in run("keys", "keyring", "off")[1]

    assert not vault.has_keyring(desk.folder)
    assert ring.held == {}
    assert [each[4] for each in _records(desk)] == [
        '{"after":true,"before":false}', '{"after":false,"before":true}',
    ]  # fmt: skip


def test_keyring_that_is_none_or_plain_is_refused_and_leaves_no_slot(run: Run, desk, monkeypatch):
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "there is none here"))

    code, _, err = run("keys", "keyring", "on")

    assert (code, "there is none here" in err) == (1, True)
    assert not vault.has_keyring(desk.folder)


def test_profile_in_use_is_left_alone(run: Run, desk):
    with ProfileLock(desk.lock):
        for words in (("users", "list"), ("keys", "rotate"), ("keys", "recovery")):
            assert run(*words)[0] == 5


@pytest.mark.parametrize(
    "words",
    [
        ("users", "add", "sam"),
        ("users", "add", "sam", "--role", "root"),
        ("users", "set-role", "sam", "ADMIN"),
        ("keys", "recovery", "--from-file", "x"),
        ("keys", "keyring", "maybe"),
    ],
)
def test_wrong_usage_ends_with_2(run: Run, desk, words):
    with pytest.raises(SystemExit) as ended:
        run(*words)

    assert ended.value.code == 2
