"""What the doctor says about credentials, the keyring and live trading, and questions to a paper account."""

import json
from pathlib import Path

import pytest

from app import cli, doctor, paper_checks
from app import profile as profiles
from app.opening import Invocation
from app.paper_checks import CHECKS, Finding
from app.secrets import open_secrets
from core.adapters import keychain
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials, SecretName, lines
from core.errors import CredentialMissing, Refused, WrongPassphrase
from core.settings import vendor_addresses
from core.storage import vault
from core.storage.secrets import PLACE
from tests.fakes.keychain import MemoryKeyring, allow

PASSPHRASE = "correct horse battery"
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
KEY_ID, SECRET = "PKTESTKEYID0001", "aSecretOfSomeLength"


@pytest.fixture(autouse=True)
def no_ring(monkeypatch) -> None:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "there is none here"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "passphrase").touch(mode=0o600)
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    return tmp_path / "root"


def _make(root: Path, mode: Mode = Mode.PAPER) -> profiles.Profile:
    return profiles.create(root, "desk", PASSPHRASE, mode=mode, cost=CHEAP)


def _store(made: profiles.Profile, name: SecretName = SecretName.ALPACA_PAPER) -> None:
    key = vault.unlock(made.folder, PASSPHRASE).key
    open_secrets(made, key).set(name, lines(KEY_ID, SECRET))


def _invocation(root: Path, **variables: str) -> Invocation:
    return Invocation(root, None, root.parent / "passphrase", variables)


def _checks(root: Path, capsys, **variables: str) -> dict[str, dict[str, object]]:
    doctor.run(_invocation(root, **variables), as_json=True)
    out = capsys.readouterr().out
    assert SECRET not in out
    assert KEY_ID not in out
    return {each["name"]: each for each in json.loads(out)["checks"]}


def test_paper_profile_without_its_key_pair_fails_with_the_command(root: Path, capsys):
    _make(root)

    found = _checks(root, capsys)["credentials"]

    assert (found["passed"], found["found"]) == (False, "alpaca.paper is not stored")
    assert found["advice"] == "run: investiq --profile desk secrets set alpaca.paper"


def test_paper_profile_with_its_key_pair_passes_and_tells_the_place(root: Path, capsys):
    _store(_make(root))

    found = _checks(root, capsys)["credentials"]

    assert (found["passed"], found["found"]) == (True, f"alpaca.paper in {PLACE}")


def test_damaged_file_of_credentials_fails_by_itself(root: Path, capsys):
    made = _make(root)
    _store(made)
    made.secrets.write_bytes(made.secrets.read_bytes()[:-20])

    checks = _checks(root, capsys)

    assert not checks["credentials"]["passed"]
    assert checks["audit chain"]["passed"]


def test_simulator_needs_no_credentials(root: Path, capsys):
    _make(root, Mode.SIM)

    assert _checks(root, capsys)["credentials"]["found"] == "none needed"


def test_profile_that_was_never_opened_is_asked_for_its_key_pair_too(root: Path, capsys):
    (root / "profiles" / "desk").mkdir(parents=True, mode=0o700)
    (root / "profiles" / "desk" / "profile.toml").write_text('[account]\nmode = "paper"\n')

    assert not _checks(root, capsys)["credentials"]["passed"]


def test_keyring_is_named_and_its_absence_is_no_fault(root: Path, capsys, monkeypatch):
    absent = _checks(root, capsys)["keyring"]
    allow(monkeypatch)
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(MemoryKeyring(), "the test's keyring"))
    there = _checks(root, capsys)["keyring"]

    assert (absent["passed"], there["passed"]) == (True, True)
    assert absent["found"] == "there is none here; credentials go to the profile's encrypted file"
    assert there["found"] == "the test's keyring"


@pytest.mark.parametrize(
    ("mode", "approved", "passes"),
    [(Mode.LIVE, "", False), (Mode.LIVE, "true", False), (Mode.LIVE, "yes", True), (Mode.PAPER, "", True)],
)
def test_live_gate_fails_where_a_live_profile_may_not_start(root: Path, capsys, mode, approved, passes):
    _make(root, mode)

    found = _checks(root, capsys, LIVE_TRADING_APPROVED=approved)["live gate"]

    assert found["passed"] is passes
    assert ("open" in found["found"]) is (approved == "yes")


def test_live_gate_is_told_without_a_profile(root: Path, capsys):
    assert _checks(root, capsys)["live gate"]["found"].startswith("closed")


def test_paper_checks_without_a_key_say_which_command_to_run_and_end_with_1(root: Path, capsys):
    _make(root)

    code = cli.main(
        [
            "--data-dir", str(root), "--passphrase-file", str(root.parent / "passphrase"),
            "--profile", "desk", "doctor", "--paper-checks",
        ]
    )  # fmt: skip

    told = capsys.readouterr()
    assert (code, told.out) == (1, "")
    assert "run: investiq --profile desk secrets set alpaca.paper" in told.err


@pytest.mark.parametrize("mode", [Mode.SIM, Mode.LIVE])
def test_paper_checks_of_another_mode_are_refused(root: Path, mode):
    _make(root, mode)

    with pytest.raises(Refused, match="--mode paper"):
        paper_checks.run(_invocation(root), as_json=False)


def test_paper_checks_of_a_locked_file_need_its_passphrase(root: Path):
    _store(_make(root))
    (root.parent / "passphrase").write_text("another horse battery")

    with pytest.raises(WrongPassphrase):
        paper_checks.run(_invocation(root), as_json=False)


def test_paper_checks_with_a_key_print_every_question(root: Path, capsys):
    _store(_make(root))

    assert paper_checks.run(_invocation(root), as_json=False) == 0
    text = capsys.readouterr().out
    assert paper_checks.run(_invocation(root), as_json=True) == 0
    as_json = json.loads(capsys.readouterr().out)

    assert all(check.title in text and check.how in text for check in CHECKS)
    assert [each["id"] for each in as_json["by_hand"]] == [check.id for check in CHECKS]
    assert SECRET not in text + str(as_json)


@pytest.mark.parametrize(("failing", "code"), [((), 0), (("P8",), 1)])
def test_paper_checks_that_are_asked_by_the_program_tell_what_was_seen(root: Path, capsys, failing, code):
    _store(_make(root))
    asked = []

    def prove(check, credentials, addresses):
        asked.append((check.id, credentials, addresses))
        return Finding(check.id not in failing, f"saw {check.id}")

    assert paper_checks.run(_invocation(root), as_json=False, prove=prove) == code
    text = capsys.readouterr().out
    assert paper_checks.run(_invocation(root), as_json=True, prove=prove) == code
    told = json.loads(capsys.readouterr().out)

    pair = AlpacaCredentials(KEY_ID, SECRET)
    assert asked[: len(CHECKS)] == [(check.id, pair, vendor_addresses(Mode.PAPER)) for check in CHECKS]
    assert [line.partition(" ")[0] for line in text.splitlines()].count("FAIL") == len(failing)
    assert (told["ok"], len(told["checks"])) == (not failing, len(CHECKS))


def test_paper_checks_have_ids_of_their_own_and_say_something():
    assert [check.id for check in CHECKS] == [f"P{number}" for number in range(1, 15)]
    for check in CHECKS:
        assert all((check.title, check.proves, check.how))
        assert "\n" not in check.title + check.proves + check.how


def test_missing_key_is_the_error_that_a_start_gets_too(root: Path):
    _make(root)

    with pytest.raises(CredentialMissing):
        paper_checks.run(_invocation(root), as_json=False)
