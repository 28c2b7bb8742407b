"""The command line: what it takes, what it refuses, and which exit code an error has."""

import subprocess
import sys
from pathlib import Path

import pytest

from app import cli, opening
from app.arguments import PICTURE_AFTER_S, REPLAY_SPEED, parse
from app.opening import Invocation
from app.options import Kind
from app.version import version
from core import errors as e
from tests.arch.source import ROOT

PASSPHRASE = "correct horse battery"
BARS = "date,open,high,low,close,volume\n" + "".join(
    f"2024-{1 + day // 28:02d}-{1 + day % 28:02d},10,11,9,10,1000\n" for day in range(80)
)


def _invocation(root: Path, **more) -> Invocation:
    return Invocation(**{"data_dir": root, "profile": None, "passphrase_file": None, "variables": {}, **more})


def _options(root: Path, *argv: str):
    return cli._desktop_options(parse(argv), _invocation(root))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (e.Refused(e.RefusalCode.NOT_FOUND, "x"), 1),
        (e.BadInput("x.csv", "x", 3), 1),
        (e.SettingInvalid("profile.toml", "x", "x", 3), 1),
        (e.BrokerRejected("x"), 1),
        (e.BrokerUnavailable("x"), 1),
        (e.OutcomeUnknown("x"), 1),
        (e.StorageError("x"), 1),
        (e.InvariantBroken("x"), 1),
        (e.WrongPassphrase("x"), 3),
        (e.DatabaseDamaged("x"), 4),
        (e.DatabaseMissing("x"), 4),
        (e.NotADatabase("x"), 4),
        (e.ProfileInUse("x"), 5),
        (e.StorageUnwritable("x"), 6),
        (e.AuditUnwritable("x"), 6),
        (e.DatabaseTooNew("x"), 7),
        (ValueError("x"), 1),
    ],
)
def test_error_has_its_exit_code(error, code):
    assert cli.exit_code_of(error) == code


def _kinds(kind: type[e.InvestIQError]) -> set[type[e.InvestIQError]]:
    return {kind}.union(*(_kinds(each) for each in kind.__subclasses__()))


def test_every_error_of_the_tree_has_an_exit_code_of_its_own_or_its_parents():
    told = set(cli.EXIT_CODES)

    tree = {kind for kind in _kinds(e.InvestIQError) if kind.__module__ == "core.errors"}
    assert {kind for kind in tree if kind not in told and kind.__base__ not in told} == set()


@pytest.mark.parametrize(
    "argv",
    [
        ["bogus"],
        ["--bogus"],
        ["profile"],
        ["profile", "create"],
        ["profile", "create", "x", "--mode", "demo"],
        ["--demo", "--replay", "x.csv"],
        ["--demo", "--profile", "x"],
        ["--demo", "doctor"],
        ["--screenshot", "x.png", "audit", "verify"],
        ["--rough-day"],
        ["--replay", "x.csv", "--rough-day"],
        ["--speed", "2"],
        ["--demo", "--speed", "2"],
        ["--replay", "x.csv", "--speed", "0"],
        ["--replay", "x.csv", "--speed", "nan"],
        ["--replay", "x.csv", "--speed", "inf"],
        ["--replay", "x.csv", "--speed", "fast"],
        ["--after", "2"],
        ["--demo", "--screenshot", "x.jpg"],
        ["--demo", "--screenshot", "absent-folder/x.png"],
        ["--demo", "--screenshot", "x.png", "--after", "-1"],
        ["--log-level", "loud"],
        ["--vers"],
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(argv)

    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_version_names_the_program_and_its_build(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"investiq {version()} (source)\n"


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_version_and_help_import_nothing_slow(argument):
    code = (
        "import sys\nfrom app.cli import main\n"
        "try:\n    main([sys.argv[1]])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'PySide6', 'sqlalchemy', 'numpy', 'structlog', 'asyncio'} & set(sys.modules)), end='')"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, argument], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert done.stdout.endswith("[]")


def test_demo_is_asked_for_with_plain_defaults(tmp_path: Path):
    options = _options(tmp_path, "--demo")

    assert (options.kind, options.data_dir, options.profile_folder) == (Kind.DEMO, tmp_path, None)
    assert (options.speed, options.screenshot, options.passphrase) == (REPLAY_SPEED, None, None)


def test_replay_is_asked_for_with_its_file_and_speed(tmp_path: Path):
    (tmp_path / "X.csv").write_text(BARS)

    options = _options(tmp_path, "--replay", str(tmp_path / "X.csv"), "--speed", "2.5")

    assert (options.kind, options.replay_path, options.speed) == (Kind.REPLAY, tmp_path / "X.csv", 2.5)


def test_replay_of_a_bad_file_is_refused_before_a_window_opens(tmp_path: Path):
    (tmp_path / "X.csv").write_text(BARS.replace("2024-01-05,10", "2024-01-05,ten"))

    with pytest.raises(e.BadInput, match="line 6"):
        _options(tmp_path, "--replay", str(tmp_path / "X.csv"))


def test_picture_is_asked_for_with_its_time(tmp_path: Path):
    target = tmp_path / "a.png"

    assert _options(tmp_path, "--demo", "--screenshot", str(target)).after_s == PICTURE_AFTER_S
    options = _options(tmp_path, "desktop")
    assert (options.screenshot, options.kind) == (None, Kind.WELCOME)
    options = _options(tmp_path, "--demo", "--screenshot", str(target), "--after", "0")
    assert (options.screenshot, options.after_s) == (target, 0)


def _passphrase_file(folder: Path, text: str = PASSPHRASE + "\nmore\n", mode: int = 0o600) -> Path:
    path = folder / "passphrase"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_passphrase_is_the_first_line_of_its_file(tmp_path: Path):
    invocation = _invocation(tmp_path, passphrase_file=_passphrase_file(tmp_path))

    assert opening.passphrase(invocation, "?") == PASSPHRASE
    assert opening.new_passphrase(invocation.passphrase_file, "sam", "--x") == PASSPHRASE


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o700, 0o400])
def test_passphrase_file_that_is_not_the_owners_alone_is_refused(tmp_path: Path, mode):
    path = _passphrase_file(tmp_path, mode=mode)

    with pytest.raises(e.Refused, match="0600") as refused:
        opening.read_passphrase(path)

    assert refused.value.code is e.RefusalCode.NOT_PERMITTED
    assert PASSPHRASE not in str(refused.value)


def test_passphrase_file_that_is_empty_or_absent_is_bad_input(tmp_path: Path):
    with pytest.raises(e.BadInput):
        opening.read_passphrase(tmp_path / "absent")
    with pytest.raises(e.BadInput):
        opening.read_passphrase(_passphrase_file(tmp_path, "\n"))


class Typed:
    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)

    def __call__(self, _prompt: str) -> str:
        return self._answers.pop(0)


class Terminal:
    def isatty(self) -> bool:
        return True


def test_new_passphrase_is_typed_twice(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal())

    assert opening.new_passphrase(None, "sam", "--x", Typed(PASSPHRASE, PASSPHRASE)) == PASSPHRASE
    with pytest.raises(e.Refused, match="differ"):
        opening.new_passphrase(None, "sam", "--x", Typed(PASSPHRASE, PASSPHRASE + "x"))


def test_new_passphrase_with_nobody_to_ask_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(e.Refused, match="sam needs a new passphrase: run in a terminal, or use --x"):
        opening.new_passphrase(None, "sam", "--x", Typed())
