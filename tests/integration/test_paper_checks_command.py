"""`investiq doctor --paper-checks` as a person runs it: the list, its record, and Ctrl+C in the middle."""

import json
import os
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app import cli, paper_checks
from app import profile as profiles
from app.admission import admitted
from app.opening import Invocation
from app.secrets import open_secrets, store_secret
from core.access.policy import Duty
from core.adapters import keychain
from core.adapters.alpaca.paper_bench import Patience
from core.domain.access import Mode
from core.domain.credentials import SecretName, lines
from core.storage import vault
from tests.arch.source import ROOT

PASSPHRASE = "correct horse battery"
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
QUICK = Patience(tries=2, listen_s=0.1, find_s=3.0, again_s=0.05, reconnect_s=3.0)
INTERRUPTED = 130


@contextmanager
def alpaca() -> Iterator[dict[str, str]]:
    """Run the local Alpaca server in a process of its own, always in an open session."""
    command = [sys.executable, "-m", "tests.servers.alpaca", "--speed", "0", "--data-port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(server.stdout.readline())
    finally:
        server.terminate()
        server.communicate(timeout=30)


@pytest.fixture
def server() -> Iterator[dict[str, str]]:
    with alpaca() as found:
        yield found


@pytest.fixture
def root(tmp_path: Path, server, monkeypatch) -> Path:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "there is none here"))
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE + "\n")
    made = profiles.create(tmp_path / "root", "desk", PASSPHRASE, mode=Mode.PAPER, cost=CHEAP)
    with (made.folder / "profile.toml").open("a", encoding="utf-8") as file:
        file.write("\n[alpaca]\n")
        for name in ("trading_url", "trade_stream_url", "data_url", "data_stream_url"):
            file.write(f'{name} = "{server[name]}"\n')
    unlocked = vault.unlock(made.folder, PASSPHRASE)
    pair = lines(server["key_id"], server["secret"])
    admission = admitted(made, unlocked, Duty.MANAGE_CREDENTIALS)
    store_secret(admission, open_secrets(made, unlocked.key), SecretName.ALPACA_PAPER, pair)
    return tmp_path / "root"


def invocation(root: Path) -> Invocation:
    return Invocation(root, "desk", root.parent / "passphrase", {})


def open_orders(server: dict[str, str]) -> list[str]:
    with urllib.request.urlopen(f"{server['trading_url']}/_sim/state", timeout=10) as answer:
        orders = json.load(answer)["orders"]
    return [order["client_order_id"] for order in orders if order["status"] in ("new", "accepted", "held")]


def test_whole_list_is_answered_recorded_and_leaves_nothing(root, server, tmp_path, capsys):
    record = tmp_path / "record.jsonl"

    with paper_checks.prover(record, QUICK) as prove:
        code = paper_checks.run(invocation(root), as_json=False, prove=prove)

    told = capsys.readouterr()
    words = [line.split()[:2] for line in told.out.splitlines()]
    asked = [json.loads(line)["check"] for line in record.read_text().splitlines()]
    assert code == 0, told.out
    assert [check_id for _, check_id in words] == [f"P{number}" for number in range(1, 15)]
    assert {check_id for word, check_id in words if word == "open"} >= {"P11", "P13"}
    assert set(asked) - {""} == {check_id for _, check_id in words}
    assert "P3: An order that is looked up at once" in told.err
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert server["secret"] not in record.read_text() + told.out + told.err
    assert server["key_id"] not in record.read_text() + told.out + told.err
    assert open_orders(server) == []


def test_record_that_is_there_already_is_refused_before_anything_is_sent(root, server, tmp_path, capsys):
    record = tmp_path / "record.jsonl"
    record.write_text("mine")

    code = cli.main([*arguments(root), "doctor", "--paper-checks", "--record", str(record)])

    assert (code, record.read_text()) == (1, "mine")
    assert "exists already" in capsys.readouterr().err


def test_questions_are_printed_by_hand_without_a_request(root, server, capsys):
    code = cli.main([*arguments(root), "doctor", "--paper-checks", "--by-hand"])

    with urllib.request.urlopen(f"{server['trading_url']}/_sim/journal", timeout=10) as answer:
        assert json.load(answer)["requests"] == []
    assert (code, "P14  An order whose answer was lost" in capsys.readouterr().out) == (0, True)


@pytest.mark.parametrize("option", [("--by-hand",), ("--record", "FILE")])
def test_options_of_the_paper_checks_go_with_them_only(option, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor", *option])

    assert (ended.value.code, "go with --paper-checks" in capsys.readouterr().err) == (2, True)


def test_interrupt_in_the_middle_cancels_what_was_placed(root, server, tmp_path):
    record = tmp_path / "record.jsonl"
    command = [sys.executable, "-m", "app", *arguments(root), "doctor", "--paper-checks"]
    with subprocess.Popen(
        [*command, "--record", str(record)],
        cwd=ROOT,
        env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as asking:
        for line in asking.stderr:
            if line.startswith("P3: 5 of 20 orders"):
                break
        asking.send_signal(signal.SIGINT)
        rest = asking.stderr.read()

    assert asking.returncode == INTERRUPTED, rest
    assert "P4" not in rest
    assert not record.exists()
    assert open_orders(server) == []


def arguments(root: Path) -> list[str]:
    return [
        "--data-dir",
        str(root),
        "--profile",
        "desk",
        "--passphrase-file",
        str(root.parent / "passphrase"),
    ]
