"""`investiq headless` as a child process: it serves, ends when told to, and says why it does not start."""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import aiohttp
import pytest

from app import profile as profiles
from app.local_api import with_api
from app.options import DesktopOptions, Kind
from app.runtime import CoreThread
from app.sessions import start_profile, start_temporary
from core.domain.messages import SetConfirmAlways
from core.errors import RefusalCode, Refused, SettingInvalid
from core.settings import ApiSettings, Environment, read_environment
from core.storage import vault
from tests.arch.source import ROOT

PASSPHRASE = "correct horse battery"
KEY = "k" * 40
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
WITHIN_S = 30


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def root(tmp_path: Path, port: int) -> Path:
    made = profiles.create(tmp_path / "root", "desk", PASSPHRASE, cost=CHEAP)
    with (made.folder / "profile.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[api]\nenabled = true\nport = {port}\n")
    return tmp_path / "root"


@pytest.fixture
def start(root: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    passphrase, keys = tmp_path / "passphrase", tmp_path / "keys"
    for path, text in ((passphrase, PASSPHRASE), (keys, f"{KEY}:trader")):
        path.touch(mode=0o600)
        path.write_text(text + "\n", encoding="utf-8")

    def start(*words: str, **variables: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "app", "--data-dir", str(root), "--passphrase-file", str(passphrase)]
        usual = {name: value for name, value in os.environ.items() if not name.startswith("INVESTIQ_")}
        given = {"API_KEYS_FILE": str(keys), "RATE_LIMIT_PER_MINUTE": "100000"} | variables
        return subprocess.Popen(
            [*command, *words],
            cwd=ROOT,
            env=usual | given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@contextmanager
def running(program: subprocess.Popen[str]) -> Iterator[str]:
    """Wait for the line that says it serves; whatever happens, it does not outlive the test."""
    try:
        yield program.stdout.readline()
    finally:
        if program.poll() is None:
            program.kill()
        program.communicate(timeout=WITHIN_S)


def ask(port: int, method: str, path: str, body: object = None, key: str = KEY) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"X-API-Key": key, "Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def until(question: Callable[[], tuple[int, dict]], status: int) -> dict:
    """Ask another process until it answers so."""
    for _ in range(20 * WITHIN_S):
        found, body = question()
        if found == status:
            return body
        Event().wait(0.05)
    raise AssertionError(body)


def buy(port: int) -> Callable[[], tuple[int, dict]]:
    def place() -> tuple[int, dict]:
        bid = ask(port, "GET", "/v1/quotes/AAPL")[1]["bid"]
        if bid is None:
            return 0, {}
        price = f"{int(bid.partition('.')[0]) - 1}.00"
        body = {"symbol": "AAPL", "side": "buy", "ord_type": "limit", "order_qty": "1", "price": price}
        return ask(port, "POST", "/v1/orders", body | {"time_in_force": "gtc"})

    return place


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_headless_serves_until_it_is_told_to_end_and_its_record_holds(start, port, number) -> None:
    program = start("headless")
    with running(program) as line:
        placed = until(buy(port), 201)["order"]["cl_ord_id"]
        program.send_signal(number)
        code, complaints = program.wait(WITHIN_S), program.stderr.read()
    verify = start("audit", "verify")
    told, _ = verify.communicate(timeout=WITHIN_S)
    with running(start("headless")):
        kept = ask(port, "GET", f"/v1/orders/{placed}")

    assert line == f"investiq headless: profile desk, API on 127.0.0.1:{port}\n"
    assert (code, complaints) == (0, "")
    assert (verify.returncode, "the audit chain holds" in told) == (0, True)
    assert (kept[0], kept[1]["cl_ord_id"]) == (200, placed)


def test_allowance_is_that_of_the_environment_and_a_lock_out_outlives_a_kill(start, port) -> None:
    with running(start("headless", RATE_LIMIT_PER_MINUTE="4")) as line:
        asked = [ask(port, "GET", "/health")[0] for _ in range(6)]
        halted = ask(port, "POST", "/v1/halt", {"reason": "test"})[0]
        wrong = [ask(port, "GET", "/health", key="w" * 40)[0] for _ in range(6)]
    # The one above was killed, not ended.
    with running(start("headless")):
        still = ask(port, "GET", "/health", key="w" * 40)
        valid = ask(port, "GET", "/v1/audit?after=0")

    assert line
    assert 429 not in asked[:4]
    assert asked[4:] == [429, 429]
    assert (halted, wrong) == (200, [401] * 5 + [429])
    assert (still[0], valid[0]) == (429, 200)
    assert "api.locked_out" in {record["action"] for record in valid[1]["records"]}


def test_second_headless_on_one_profile_is_told_so(start, port) -> None:
    with running(start("headless")):
        second = start("headless")
        _, complaint = second.communicate(timeout=WITHIN_S)

    assert (second.returncode, "open in another instance" in complaint) == (5, True)


def test_port_of_another_program_is_named(start, port, root) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        program = start("headless")
        _, complaint = program.communicate(timeout=WITHIN_S)

    assert program.returncode == 1
    assert f"port {port}" in complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize(
    ("words", "variables", "code", "complaint"),
    [
        (("headless",), {"API_KEYS_FILE": ""}, 1, "starts with a key only"),
        (("headless",), {"API_KEYS_FILE": "", "API_KEYS": f"{'k' * 31}:trader"}, 1, "fewer than 32"),
        (("headless",), {"API_KEYS_FILE": "", "API_KEYS": f"{KEY}:owner"}, 1, "no role of"),
        (("headless",), {"API_KEYS_FILE": "/nowhere/keys"}, 1, "cannot be read"),
        (("headless",), {"API_KEYS_FILE": str(ROOT / "README.md")}, 1, "run: chmod 600"),
        (("--profile", "nope", "headless"), {}, 1, "there is no profile"),
        (("--demo", "headless"), {}, 2, "headless does not"),
    ],
)
def test_start_that_cannot_be_is_refused_with_its_reason(start, words, variables, code, complaint) -> None:
    program = start(*words, **variables)
    printed, told = program.communicate(timeout=WITHIN_S)

    assert (program.returncode, printed) == (code, "")
    assert complaint in told
    assert KEY not in told


def test_wrong_passphrase_is_locked(start, tmp_path) -> None:
    (tmp_path / "passphrase").write_text("another one altogether\n")
    program = start("headless")
    _, told = program.communicate(timeout=WITHIN_S)

    assert (program.returncode, "Traceback" in told) == (3, False)


def test_switched_off_api_is_told_with_its_file(start, root) -> None:
    settings = root / "profiles" / "desk" / "profile.toml"
    settings.write_text(settings.read_text().replace("enabled = true", "enabled = false"))
    program = start("headless")
    _, told = program.communicate(timeout=WITHIN_S)

    assert program.returncode == 1
    assert str(settings) in told
    assert "enabled = true" in told


class StuckWindow:
    """A core whose window shows the sheet and never answers; the test's thread is the window's."""

    def __init__(self, folder: Path, port: int) -> None:
        self.asked = Event()
        environment = read_environment({"API_KEYS": f"{KEY}:trader", "RATE_LIMIT_PER_MINUTE": "100000"})

        def ask_forever(_request):
            self.asked.set()
            return Future()

        async def start():
            opened = await start_temporary(
                DesktopOptions(Kind.DEMO, folder), lambda _event: None, ask_forever
            )
            return await with_api(opened, ApiSettings(enabled=True, port=port), environment)

        self.core = CoreThread(start)
        self.core.begin()
        self.core.started.result(WITHIN_S)

    def end(self) -> None:
        self.core.end()
        self.core.ended.result(WITHIN_S)


@pytest.fixture
def stuck(tmp_path: Path, port: int) -> Iterator[StuckWindow]:
    made = StuckWindow(tmp_path / "demo", port)
    yield made
    made.end()


def test_kill_switch_works_while_the_window_is_stuck_at_the_confirmation(stuck, port) -> None:
    resting = until(buy(port), 201)["order"]["cl_ord_id"]
    stuck.core.send(SetConfirmAlways(on=True)).result(WITHIN_S)
    with ThreadPoolExecutor() as others:
        waiting = others.submit(until, buy(port), 201)
        assert stuck.asked.wait(WITHIN_S)

        status, report = ask(port, "POST", "/v1/kill", {"reason": "the window is stuck", "flatten": True})
        state = ask(port, "GET", "/v1/account")[1]["trading_state"]
        # The broker has confirmed it; its report is booked a moment later.
        ended = "PENDING_CANCEL"
        for _ in range(20 * WITHIN_S):
            ended = ask(port, "GET", f"/v1/orders/{resting}")[1]["ord_status"]
            if ended != "PENDING_CANCEL":
                break
            Event().wait(0.05)
        stuck.end()

        assert (status, report["stage"], report["proven"]) == (200, "done", True)
        assert (report["total"], report["confirmed"], report["held"]) == (1, 1, [])
        assert (state, ended) == ("HALTED", "CANCELED")
        with pytest.raises((OSError, http.client.HTTPException)):
            waiting.result(WITHIN_S)


async def test_api_without_a_key_is_not_opened_and_the_core_is_stopped(tmp_path) -> None:
    opened = await start_temporary(DesktopOptions(Kind.DEMO, tmp_path), lambda _e: None, lambda _r: Future())

    with pytest.raises(SettingInvalid):
        await with_api(opened, ApiSettings(enabled=True), Environment())

    assert not list(tmp_path.glob("demo-*"))


async def test_taken_port_stops_the_core_too(tmp_path, port) -> None:
    opened = await start_temporary(DesktopOptions(Kind.DEMO, tmp_path), lambda _e: None, lambda _r: Future())
    other = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", port)

    with pytest.raises(Refused) as caught:
        await with_api(opened, ApiSettings(port=port), read_environment({"API_KEYS": f"{KEY}:admin"}))

    assert caught.value.code is RefusalCode.NOT_READY
    assert not list(tmp_path.glob("demo-*"))
    other.close()
    await other.wait_closed()


async def test_backup_is_made_over_the_api_while_the_profile_is_open(root, port) -> None:
    options = DesktopOptions(Kind.PROFILE, root, root / "profiles" / "desk")
    opened = await start_profile(options, lambda _e: None, lambda _r: Future(), PASSPHRASE)
    environment = read_environment({"API_KEYS": f"{KEY}:admin"})
    running = await with_api(opened, ApiSettings(enabled=True, port=port), environment)

    place = f"http://127.0.0.1:{port}/v1/backups"
    async with aiohttp.ClientSession(headers={"X-API-Key": KEY}) as client, client.post(place) as reply:
        status, body = reply.status, await reply.json()
    await running.stop()

    (path,) = (root / "backups" / "desk").glob("*.zip")
    assert (status, body["backup"]["file"], body["backup"]["removed"]) == (201, path.name, [])
    assert body["backup"]["bytes"] == path.stat().st_size
