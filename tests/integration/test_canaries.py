"""SA-3: secrets that are planted in a real run are found nowhere: not in files, logs, exports or `/proc`.

The program runs as its own process and logs all it can, against the local Alpaca server: it trades, is
refused, loses its broker, meets wrong keys, falls and begins again. Then every byte that it left is searched.
"""

import asyncio
import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.arch.source import ROOT
from tests.servers.alpaca.__main__ import system_time
from tests.servers.alpaca.server import AlpacaServer

PASSPHRASE = "canary walnut ceiling 8d2f61c0"
KEY = "canary-api-key-5b7e90ad41c2f3e8-trader"
KEY_ID = "PKCANARY7F3A91D2C4E6"
SECRET = "canarySecretA1b2C3d4E5f6G7h8I9j0K1l2M3n4"
WRONG = "canary-wrong-key-0f1e2d3c4b5a69788796"
SECRETS = {"passphrase": PASSPHRASE, "api key": KEY, "key id": KEY_ID, "secret": SECRET, "wrong key": WRONG}
NUMBER = "PACANARY93817264"
WITHIN_S = 60.0
ADDRESSES = ("trading_url", "trade_stream_url", "data_url", "data_stream_url")


def shapes(text: str) -> Iterable[bytes]:
    """Write a secret in every way in which it may lie somewhere."""
    raw = text.encode()
    yield raw
    yield text.encode("utf-16-le")
    yield raw.hex().encode()
    yield from (base64.b64encode(raw[start:])[4:-8] for start in range(3))
    yield raw[::-1]


def found_in(content: bytes, secrets: dict[str, str]) -> list[str]:
    return [name for name, text in secrets.items() if any(shape in content for shape in shapes(text))]


def hits(contents: dict[str, bytes], secrets: dict[str, str]) -> dict[str, list[str]]:
    return {where: names for where, content in contents.items() if (names := found_in(content, secrets))}


def every_file(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Installation:
    """A paper profile in a folder of its own, with its secrets in files beside it."""

    def __init__(self, folder: Path, server: AlpacaServer) -> None:
        self.root, self.temporary, self.work = (folder / name for name in ("root", "temporary", "work"))
        for path in (self.root, self.temporary, self.work):
            path.mkdir()
        self._given = folder / "given"
        self._given.mkdir()
        self._keys = self._private("keys", f"{KEY}:trader\n")
        self._pair = self._private("pair", f"{server.key_id}\n{server.secret}\n")
        self._command = [
            sys.executable, "-m", "app", "--data-dir", str(self.root), "--log-level", "debug",
            "--passphrase-file", str(self._private("passphrase", PASSPHRASE + "\n")),
        ]  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.server = server
        self.printed: dict[str, bytes] = {}

    def _private(self, name: str, text: str) -> Path:
        path = self._given / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    @property
    def environment(self) -> dict[str, str]:
        usual = {name: text for name, text in os.environ.items() if not name.startswith("INVESTIQ_")}
        return usual | {
            "API_KEYS_FILE": str(self._keys),
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "PYTHONPATH": str(ROOT),
            "RATE_LIMIT_PER_MINUTE": "100000",
            "TMPDIR": str(self.temporary),
        }

    async def begin(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            *words,
            cwd=self.work,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    async def run(self, *words: str) -> None:
        program = await self.begin(*words)
        out, complaints = await asyncio.wait_for(program.communicate(), WITHIN_S)
        self.printed[" ".join(words)] = out + complaints
        assert program.returncode == 0, complaints.decode()

    async def make(self) -> None:
        await self.run("profile", "create", "desk", "--mode", "paper")
        addresses = [f'{name} = "{getattr(self.server, name)}"' for name in ADDRESSES]
        lines = ["\n[alpaca]", *addresses, "[api]", "enabled = true", f"port = {self.port}", ""]
        with (self.root / "profiles" / "desk" / "profile.toml").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines))
        await self.run("--profile", "desk", "secrets", "set", "alpaca.paper", "--from-file", str(self._pair))

    async def ask(self, method: str, path: str, body: object = None, key: str = KEY) -> tuple[int, bytes]:
        return await asyncio.to_thread(self._ask, method, path, body, key)

    def _ask(self, method: str, path: str, body: object, key: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"X-API-Key": key, "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    async def until(self, path: str, holds: Any) -> Any:
        for _ in range(200):
            found = json.loads((await self.ask("GET", path))[1])
            if holds(found):
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(found)


@pytest.fixture
async def server() -> AsyncIterator[AlpacaServer]:
    made = AlpacaServer(clock=system_time, key_id=KEY_ID, secret=SECRET)
    made.exchange.settings.session = "regular"
    made.exchange.account.number = NUMBER
    await made.start()
    yield made
    await made.stop()


def buy(price: str) -> dict[str, str]:
    return {"symbol": "AAPL", "side": "buy", "ord_type": "limit", "order_qty": "1", "price": price}


def proc(pid: int) -> dict[str, bytes]:
    """Read what the system shows of a process: all of it to an administrator, to others what may be."""
    contents = {}
    for name in ("cmdline", "environ", "comm", "maps"):
        try:
            contents[f"/proc/{name}"] = Path(f"/proc/{pid}/{name}").read_bytes()
        except PermissionError:
            contents[f"/proc/{name}"] = b""
    return contents


async def live(made: Installation) -> dict[str, bytes]:
    """Trade, be refused, lose the broker and find it again; return what was seen meanwhile."""
    await made.until("/health", lambda found: found["status"] == "ok")
    price = str(made.server.exchange.market.quotes["AAPL"].bid - 5)[:6]
    status, placed = await made.ask("POST", "/v1/orders", buy(price))
    assert status == 201, placed
    order = json.loads(placed)["order"]["cl_ord_id"]
    made.server.faults.http("reply_status", "POST", "/v2/orders", status=422, message="no such luck")
    await made.ask("POST", "/v1/orders", buy(price) | {"order_qty": "2"})
    await made.server.trade_stream.close_all(1011)
    await made.until("/health", lambda found: found["status"] != "ok")
    await made.until("/health", lambda found: found["status"] == "ok")
    await made.ask("DELETE", f"/v1/orders/{order}")
    for _ in range(7):
        await made.ask("GET", "/health", key=WRONG)
    made.server.faults.http("unauthorized", "GET", "/v2/account", times=None)
    await made.server.trade_stream.close_all(1011)
    told = await made.until("/health", lambda found: "reconnect" in found["parts"]["broker"]["text"])
    made.server.faults.clear()
    return {"/metrics": (await made.ask("GET", "/metrics"))[1], "/health": json.dumps(told).encode()}


async def test_planted_secrets_are_found_nowhere(tmp_path: Path, server: AlpacaServer, expected_log) -> None:
    made = Installation(tmp_path, server)
    await made.make()
    account = {"account id": server.exchange.account.id, "account number": NUMBER}

    first = await made.begin("--log-format", "json", "headless")
    assert await first.stdout.readline()
    seen = await live(made) | proc(first.pid)
    running = every_file(made.root)
    first.send_signal(signal.SIGABRT)
    made.printed["first run"] = b"".join(await asyncio.wait_for(first.communicate(), WITHIN_S))
    fallen = every_file(made.root)
    second = await made.begin("headless")
    assert await second.stdout.readline()
    await made.until("/health", lambda found: found["status"] == "ok")
    second.send_signal(signal.SIGTERM)
    made.printed["second run"] = b"".join(await asyncio.wait_for(second.communicate(), WITHIN_S))
    await made.run("--profile", "desk", "audit", "export", str(made.work / "export.jsonl"))
    await made.run("--profile", "desk", "audit", "verify")

    left = every_file(made.root) | every_file(made.work) | every_file(made.temporary)
    assert first.returncode == -signal.SIGABRT
    assert second.returncode == 0
    for contents in (seen, running, fallen, left, made.printed):
        assert hits(contents, SECRETS) == {}
    # An account is in the record and its export; it is in no file that is not encrypted, and in no number.
    told = {where: text for where, text in left.items() if where != "export.jsonl"}
    for contents in (seen, running, fallen, told, made.printed):
        assert hits(contents, account) == {}
    assert not [where for where in left if "core" in Path(where).name]
    _check_that_it_searched(left, running)


def _check_that_it_searched(left: dict[str, bytes], running: dict[str, bytes]) -> None:
    # A sweep over nothing would find nothing either.
    assert any(b"order.prepared" in text for where, text in left.items() if where == "export.jsonl")
    assert any("investiq.log" in where and b"request.answered" in text for where, text in left.items())
    assert any(where.startswith("crashes/fault-") and b"Fatal Python" in text for where, text in left.items())
    assert {Path(where).suffix for where in running} >= {".db", ".db-wal"}
    assert any(where.endswith("secrets.enc") for where in left)


@pytest.mark.parametrize("name", SECRETS)
def test_sweep_finds_what_is_there_in_any_shape(name: str) -> None:
    text = SECRETS[name]
    raw = text.encode()

    for content in (
        b"x" + raw + b"y",
        b"x" + text.encode("utf-16-le"),
        raw.hex().encode(),
        *(base64.b64encode(b"-" * before + raw + b"-" * 9) for before in range(3)),
    ):
        assert found_in(content, SECRETS) == [name]
