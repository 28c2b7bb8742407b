"""The commands about credentials, and what a start is handed: no value shown, all recorded."""

import asyncio
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app import cli, secret_commands
from app import profile as profiles
from app.instance import ProfileLock
from app.secrets import Secrets, open_secrets
from core.adapters import keychain
from core.audit.verify import Verifier
from core.clock import ManualClock
from core.domain.access import Mode
from core.domain.credentials import SecretName, lines
from core.domain.records import AuditQuery
from core.errors import BadInput
from core.settings import ProfileSettings
from core.storage import vault
from core.storage.secrets import PLACE
from core.storage.store import open_store
from tests.fakes.keychain import MemoryKeyring, allow

PASSPHRASE = "correct horse battery"
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
KEY_ID, SECRET = "PKTESTKEYID0001", "aSecretOfSomeLength"
PAIR = f"{KEY_ID}\n{SECRET}\n"
PAPER, LIVE, POLYGON = SecretName.ALPACA_PAPER, SecretName.ALPACA_LIVE, SecretName.POLYGON

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def ring(monkeypatch) -> MemoryKeyring:
    """No session's keyring is touched; a test that wants one asks for `with_ring`."""
    made = MemoryKeyring()
    allow(monkeypatch)
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "there is none here"))
    return made


@pytest.fixture
def with_ring(ring: MemoryKeyring, monkeypatch) -> MemoryKeyring:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(ring, "the test's keyring"))
    return ring


@pytest.fixture
def paper(tmp_path: Path) -> profiles.Profile:
    return profiles.create(tmp_path / "root", "desk", PASSPHRASE, mode=Mode.PAPER, cost=CHEAP)


@pytest.fixture
def live(tmp_path: Path) -> profiles.Profile:
    return profiles.create(tmp_path / "root", "real money", PASSPHRASE, mode=Mode.LIVE, cost=CHEAP)


def _private(path: Path, text: str, mode: int = 0o600) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def run(tmp_path: Path, monkeypatch, capsys) -> Run:
    """Run one command as a person would, with something on standard input."""
    secret = _private(tmp_path / "passphrase", PASSPHRASE + "\n")

    def run(*words: str, given: str = "", profile: str = "desk") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        first = ["--data-dir", str(tmp_path / "root"), "--passphrase-file", str(secret), "--profile", profile]
        code = cli.main([*first, *words])
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        assert KEY_ID not in out + err
        assert PASSPHRASE not in out + err
        return code, out, err

    return run


def _key(profile: profiles.Profile) -> vault.Key:
    return vault.unlock(profile.folder, PASSPHRASE).key


def _secrets(profile: profiles.Profile) -> Secrets:
    return open_secrets(profile, _key(profile))


def _records(profile: profiles.Profile) -> list[tuple[str, str, str, str]]:
    async def read():
        store = open_store(profile.database, _key(profile), create=False)
        assert not (await Verifier(store).verify()).faults
        found = await store.read(lambda reader: reader.audit_page(AuditQuery(limit=50)))
        await store.close_async()
        return found

    page = sorted(asyncio.run(read()), key=lambda each: each.seq)
    return [(each.action, each.actor, each.entity, each.payload) for each in page]


def test_key_pair_from_standard_input_is_stored_in_the_encrypted_file_and_recorded(run: Run, paper):
    code, out, err = run("secrets", "set", "alpaca.paper", given=PAIR)

    assert (code, err) == (0, "")
    assert f"alpaca.paper of profile desk is stored in {PLACE}" in out
    assert _secrets(paper).get(PAPER).text == lines(KEY_ID, SECRET)
    assert [record[:3] for record in _records(paper)][1:] == [("secret.set", "owner", "alpaca.paper")]
    assert _records(paper)[0][0] == "genesis"
    assert SECRET not in str(_records(paper))
    assert all(SECRET.encode() not in path.read_bytes() for path in paper.folder.iterdir())


def test_key_pair_goes_to_the_keyring_where_there_is_one(run: Run, paper, with_ring):
    code, out, _ = run("secrets", "set", "alpaca.paper", given=PAIR)

    assert (code, "is stored in the test's keyring" in out) == (0, True)
    assert list(with_ring.held) == [("InvestIQ", "desk/alpaca.paper")]
    assert not paper.secrets.exists()
    assert "test's keyring" in _records(paper)[1][3]


def test_key_pair_is_asked_for_in_two_prompts(paper, monkeypatch):
    class Terminal:
        def isatty(self) -> bool:
            return True

    asked = []
    monkeypatch.setattr(sys, "stdin", Terminal())

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return [KEY_ID, SECRET][len(asked) - 1]

    assert secret_commands.read_value(PAPER, None, ask) == (KEY_ID, SECRET)
    assert asked == ["alpaca.paper, key id: ", "alpaca.paper, secret: "]


def test_prompt_that_is_ended_stores_nothing_and_is_no_crash(monkeypatch):
    def ended(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda _: True})())

    with pytest.raises(BadInput, match="nothing was stored"):
        secret_commands.read_value(PAPER, None, ended)


def test_profile_that_is_made_tells_which_key_it_needs(run: Run):
    _, paper, _ = run("profile", "create", "second", "--mode", "paper")
    _, sim, _ = run("profile", "create", "third")

    assert "run: investiq --profile second secrets set alpaca.paper" in paper
    assert "secrets set" not in sim


def test_key_pair_from_a_file_of_ones_own_is_stored(run: Run, paper, tmp_path):
    file = _private(tmp_path / "pair", PAIR)

    code, _, _ = run("secrets", "set", "alpaca.paper", "--from-file", str(file))

    assert (code, _secrets(paper).get(PAPER).text) == (0, lines(KEY_ID, SECRET))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o400, 0o700])
def test_file_that_is_open_to_others_is_refused(run: Run, paper, tmp_path, mode):
    file = _private(tmp_path / "pair", PAIR, mode)

    code, _, err = run("secrets", "set", "alpaca.paper", "--from-file", str(file))

    assert (code, "expected 0600" in err) == (1, True)
    assert _secrets(paper).names() == ()


def test_file_that_is_absent_or_no_text_is_refused(run: Run, paper, tmp_path):
    (tmp_path / "bytes").touch(mode=0o600)
    (tmp_path / "bytes").write_bytes(b"\xff\xfeaSecret")

    code, _, err = run("secrets", "set", "alpaca.paper", "--from-file", str(tmp_path / "absent"))
    assert (code, "cannot be read" in err) == (1, True)
    code, _, err = run("secrets", "set", "alpaca.paper", "--from-file", str(tmp_path / "bytes"))
    assert (code, "is not UTF-8 text" in err) == (1, True)


@pytest.mark.parametrize("given", ["", KEY_ID, f"{KEY_ID} {SECRET}\n", f"{KEY_ID}\n{SECRET}\n{SECRET}\n"])
def test_input_that_is_no_key_pair_is_refused_and_nothing_is_stored_or_recorded(run: Run, paper, given):
    code, _, err = run("secrets", "set", "alpaca.paper", given=given)

    assert (code, "alpaca.paper" in err) == (1, True)
    assert _secrets(paper).names() == ()
    assert _records(paper) == []


def test_nobody_to_ask_and_nothing_piped_in_is_refused(paper, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(BadInput, match="--from-file"):
        secret_commands.read_value(PAPER, None)


@pytest.mark.parametrize("command", ["set", "rotate"])
def test_key_pair_of_the_other_mode_is_refused_before_it_is_asked_for(run: Run, paper, live, command):
    for name, profile in (("alpaca.live", "desk"), ("alpaca.paper", "real money")):
        code, _, err = run("secrets", command, name, given=PAIR, profile=profile)

        assert code == 1
        assert f"{name} is for a profile of mode {name.partition('.')[2]}" in err
    assert _secrets(paper).names() + _secrets(live).names() == ()


def test_second_key_pair_is_stored_by_rotating_only(run: Run, paper):
    assert run("secrets", "rotate", "alpaca.paper", given=PAIR)[0] == 1
    assert _secrets(paper).names() == ()
    assert run("secrets", "set", "alpaca.paper", given=PAIR)[0] == 0
    code, _, err = run("secrets", "set", "alpaca.paper", given="other\npair\n")
    assert (code, "Run: investiq --profile desk secrets rotate alpaca.paper" in err) == (1, True)
    assert _secrets(paper).get(PAPER).text == lines(KEY_ID, SECRET)
    code, _, err = run("secrets", "rotate", "alpaca.paper", given=PAIR)
    assert (code, "stored already" in err) == (1, True)

    code, out, _ = run("secrets", "rotate", "alpaca.paper", given="other\npair\n")

    assert (code, "Revoke the old one" in out) == (0, True)
    assert _secrets(paper).get(PAPER).text == "other\npair"
    replaced = ['"replaced":false' in each[3] for each in _records(paper)[1:]]
    assert replaced == [True, False]


def test_removed_credential_is_gone_and_recorded(run: Run, paper):
    run("secrets", "set", "polygon", given=SECRET)

    code, out, _ = run("secrets", "remove", "polygon")

    assert (code, "revoke it where it was made" in out) == (0, True)
    assert _secrets(paper).get(POLYGON) is None
    assert _records(paper)[-1][:3] == ("secret.removed", "owner", "polygon")
    assert run("secrets", "remove", "polygon")[0] == 1


def test_list_tells_names_places_and_dates_and_where_new_ones_go(run: Run, paper):
    code, out, _ = run("secrets", "list")
    assert (code, out.splitlines()) == (
        0,
        [
            "no credential is stored for profile desk",
            "new ones go to the profile's encrypted file: there is none here",
        ],
    )
    run("secrets", "set", "alpaca.paper", given=PAIR)

    code, out, _ = run("secrets", "list")

    name, place, date = out.splitlines()[0].split("\t")
    assert (code, name, place) == (0, "alpaca.paper", PLACE)
    assert date.startswith("set 20")
    assert date.endswith(" UTC")


def test_list_of_a_keyring_needs_no_passphrase(run: Run, paper, with_ring, monkeypatch, capsys):
    run("secrets", "set", "polygon", given=SECRET)

    code = cli.main(["--data-dir", str(paper.folder.parent.parent), "--profile", "desk", "secrets", "list"])

    assert code == 0
    assert capsys.readouterr().out.endswith("new ones go to the test's keyring\n")


def test_profile_that_is_open_elsewhere_ends_with_5_and_one_that_is_locked_with_3(run: Run, paper, tmp_path):
    with ProfileLock(paper.lock):
        assert run("secrets", "set", "polygon", given=SECRET)[0] == 5
    (tmp_path / "passphrase").write_text("another horse battery\n")
    assert run("secrets", "set", "polygon", given=SECRET)[0] == 3
    assert _secrets(paper).names() == ()


def test_profile_without_a_database_is_refused(run: Run, tmp_path):
    folder = tmp_path / "root" / "profiles" / "desk"
    folder.mkdir(parents=True)
    (folder / "profile.toml").write_text('[account]\nmode = "paper"\n')

    code, _, err = run("secrets", "set", "alpaca.paper", given=PAIR)

    assert (code, "has no database yet" in err) == (1, True)


def test_keyring_that_takes_nothing_leaves_no_record(run: Run, paper, with_ring):
    with_ring.is_deaf = True

    code, _, err = run("secrets", "set", "alpaca.paper", given=PAIR)

    assert (code, "did not keep" in err) == (1, True)
    assert _records(paper) == []


def test_credentials_left_in_two_places_are_one_and_the_newest_counts(run: Run, paper, ring, monkeypatch):
    run("secrets", "set", "alpaca.paper", given=PAIR)
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(ring, "the test's keyring"))
    keychain.Keychain(ring, "desk", ManualClock()).set(PAPER, "older\npair")
    assert _secrets(paper).get(PAPER).text == lines(KEY_ID, SECRET)

    run("secrets", "rotate", "alpaca.paper", given="new\npair")

    assert [each.place for each in _secrets(paper).names()] == ["the test's keyring"]
    assert _secrets(paper).get(PAPER).text == "new\npair"


def test_folder_with_credentials_but_no_database_is_not_new(tmp_path):
    (tmp_path / "profile.toml").write_text("")
    assert profiles.Profile("x", tmp_path, ProfileSettings()).is_new

    (tmp_path / "secrets.enc").write_text("x")

    assert not profiles.Profile("x", tmp_path, ProfileSettings()).is_new


@pytest.mark.parametrize(
    "words",
    [
        ("secrets",),
        ("secrets", "set"),
        ("secrets", "set", "alpaca"),
        ("secrets", "set", "alpaca.paper", PAIR),
        ("secrets", "remove"),
        ("secrets", "list", "polygon"),
        ("secrets", "show", "polygon"),
        ("secrets", "set", "polygon", "--value", "x"),
    ],
)
def test_wrong_usage_ends_with_2(words):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)

    assert ended.value.code == 2
