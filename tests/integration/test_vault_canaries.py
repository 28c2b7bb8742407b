"""No key of the vault lies anywhere but where it must: not in a file, an output, a log or `/proc`."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app import profile as profiles
from core.storage import vault
from tests.arch.source import ROOT
from tests.integration.test_canaries import every_file, hits, proc

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
FIRST, SECOND, SAMS, WRONG = (f"canary {word} walnut ceiling" for word in ("north", "south", "east", "west"))
RECOVERY = re.compile(r"^    (([0-9A-Z]{4}-){8}[0-9A-Z]{4})$", re.MULTILINE)
Run = Callable[..., str]


class Planted:
    """A profile, everything that was secret in it at any time, and what its commands printed."""

    def __init__(self, folder: Path) -> None:
        self.root, self.given = folder / "root", folder / "given"
        self.given.mkdir()
        self.made = profiles.create(self.root, "desk", FIRST, cost=CHEAP)
        self.passphrases = {"first": FIRST, "second": SECOND, "sam": SAMS, "wrong": WRONG}
        self.keys: list[bytes] = []
        self.recoveries: list[str] = []
        self.printed: dict[str, bytes] = {}

    def file(self, name: str, text: str) -> str:
        path = self.given / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")
        return str(path)

    def new(self, passphrase: str) -> list[str]:
        return ["--new-passphrase-file", self.file("new", passphrase)]

    def command(self, by: str, *words: str) -> list[str]:
        return [
            sys.executable, "-m", "app", "--data-dir", str(self.root), "--log-level", "debug",
            "--passphrase-file", self.file("passphrase", by), *words,
        ]  # fmt: skip

    def run(self, by: str, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            self.command(by, *words), input=b"", capture_output=True, cwd=ROOT, timeout=60, check=False,
            env=os.environ | {"DBUS_SESSION_BUS_ADDRESS": "disabled:"},
        )  # fmt: skip
        assert done.returncode == code, done.stderr.decode()
        told = done.stdout.decode()
        found = RECOVERY.search(told)
        if found is not None:
            self.recoveries.append(found[1])
            told = told.replace(found[1], "")  # it is shown once, and this is where
        self.printed[f"{len(self.printed)} {' '.join(words)}"] = told.encode() + done.stderr
        return told

    def note_key(self, passphrase: str) -> None:
        self.keys.append(vault.unlock(self.made.folder, passphrase).key.reveal())


def _wanted(planted: Planted) -> dict[str, str]:
    papers = {f"paper {number}": text for number, text in enumerate(planted.recoveries)}
    bare = {f"bare {number}": text.replace("-", "") for number, text in enumerate(planted.recoveries)}
    return planted.passphrases | papers | bare


def _with_key(contents: dict[str, bytes], keys: list[bytes]) -> list[str]:
    shapes = [shape for key in keys for shape in (key, key.hex().encode(), key.hex().upper().encode())]
    return [where for where, content in contents.items() if any(shape in content for shape in shapes)]


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return Planted(tmp_path)


def test_keys_of_the_vault_are_found_nowhere(planted: Planted) -> None:
    planted.note_key(FIRST)
    planted.run(
        FIRST, "users", "add", "sam", "--role", "viewer", "--new-passphrase-file", planted.file("a", SAMS)
    )
    planted.run(FIRST, "keys", "recovery")
    planted.run(FIRST, "keys", "rotate")
    planted.note_key(FIRST)
    planted.run(WRONG, "keys", "rotate", code=3)
    planted.run(FIRST, "keys", "passphrase", *planted.new(SECOND))
    paper = planted.file("c", planted.recoveries[0])
    planted.run(SECOND, "keys", "recovery", "--use", "--from-file", paper, *planted.new(FIRST))
    planted.run(FIRST, "users", "remove", "sam")
    planted.note_key(FIRST)
    planted.run(FIRST, "users", "list")
    planted.run(FIRST, "audit", "export", str(planted.root / "export.jsonl"))

    left = every_file(planted.root)

    assert len(set(planted.keys)) == 3
    assert len(set(planted.recoveries)) == 2
    for contents in (left, planted.printed):
        assert hits(contents, _wanted(planted)) == {}
        assert _with_key(contents, planted.keys) == []
    assert b"recovery.used" in left["export.jsonl"]


async def test_running_core_shows_no_key_to_the_system(planted: Planted) -> None:
    settings = planted.made.folder / "profile.toml"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings.write_text(settings.read_text() + f"\n[api]\nenabled = true\nport = {port}\n")
    planted.note_key(FIRST)
    keys = planted.file("keys", "an-api-key-of-more-than-thirty-two-characters:viewer")
    running = await asyncio.create_subprocess_exec(
        *planted.command(FIRST, "headless"),
        cwd=ROOT,
        env=os.environ | {"API_KEYS_FILE": keys, "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    first = await asyncio.wait_for(running.stdout.readline(), 60)

    assert first, (await running.communicate())[1]
    seen = proc(running.pid) | every_file(planted.root)
    running.send_signal(signal.SIGABRT)
    out, complaints = await asyncio.wait_for(running.communicate(), 60)

    for contents in (seen, every_file(planted.root), {"printed": first + out + complaints}):
        assert hits(contents, planted.passphrases) == {}
        assert _with_key(contents, planted.keys) == []
    assert any(where.startswith("crashes/") for where in every_file(planted.root))


def test_sweep_finds_a_key_that_lies_about(planted: Planted) -> None:
    planted.note_key(FIRST)
    key = planted.keys[0]

    for content in (b"x" + key + b"y", b"x'" + key.hex().encode() + b"'", key.hex().upper().encode()):
        assert _with_key({"file": content}, planted.keys) == ["file"]
