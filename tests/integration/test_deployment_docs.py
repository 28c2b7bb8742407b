"""docs/deployment.md followed step by step: the commands, the unit of systemd, and the files of Traefik."""

import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.arguments import parse
from tests.arch.source import ROOT

TEXT = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
UNIT = (ROOT / "resources" / "investiq.service").read_text(encoding="utf-8")
COMMANDS = [line.strip() for line in TEXT.splitlines() if line.startswith("    ")]
# What changes the system itself, or needs one that runs, is not carried out.
NOT_HERE = ("git ", "make ", "useradd ", "cp ", "systemctl ", "curl ", "nginx ", "caddy ")
OURS = "/opt/investiq/.venv/bin/investiq"
PASSPHRASE = "walnut ceiling grammar"
WITHIN_S = 60


class Server:
    """A folder in the place of a server: its paths, its user and its port are this test's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.program = folder / "investiq"
        self.program.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m app "$@"\n')
        self.program.chmod(0o755)
        usual = {name: text for name, text in os.environ.items() if not name.startswith("INVESTIQ_")}
        self.environment = usual | {
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "RATE_LIMIT_PER_MINUTE": "100000",
        }

    def here(self, command: str) -> str:
        changes = {
            OURS: str(self.program),
            "/var/lib/investiq": f"{self._folder}/var",
            "/etc/investiq": f"{self._folder}/etc",
            "sudo -u investiq ": "",
            "-o investiq -g investiq ": "",
            r"enabled = true\n": rf"enabled = true\nport = {self.port}\n",
        }
        for before, after in changes.items():
            command = command.replace(before, after)
        return command

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", self.here(command)],
            input=PASSPHRASE + "\n",
            env=self.environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @property
    def key(self) -> str:
        return (self._folder / "etc" / "keys").read_text().strip().rpartition(":")[0]

    def health(self) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)
        try:
            connection.request("GET", "/health", headers={"X-API-Key": self.key})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def directives(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def started(server: Server) -> subprocess.Popen[str]:
    given = dict(each.split("=", 1) for each in directives("Environment"))
    (line,) = directives("ExecStart")
    return subprocess.Popen(
        shlex.split(server.here(line)),
        env=server.environment | {name: server.here(value) for name, value in given.items()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_page_followed_gives_a_program_that_serves_and_ends_in_order(server: Server, tmp_path: Path) -> None:
    for command in COMMANDS:
        if not command.startswith(NOT_HERE):
            server.run(command)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "etc").iterdir()}
    program = started(server)
    try:
        assert "API on 127.0.0.1" in program.stdout.readline()
        for _ in range(200):
            status, found = server.health()
            if found["status"] == "ok":
                break
            time.sleep(0.05)  # noqa: TID251 - another process
        program.send_signal(signal.SIGTERM)
        _, complaints = program.communicate(timeout=WITHIN_S)
    finally:
        if program.poll() is None:
            program.kill()
            program.communicate()

    assert modes == {"passphrase": 0o600, "keys": 0o600}
    assert (tmp_path / "etc").stat().st_mode & 0o777 == 0o700
    assert (status, found["status"], program.returncode) == (200, "ok", 0)
    assert all(json.loads(line)["level"] in ("info", "debug") for line in complaints.splitlines())


@pytest.mark.parametrize("command", [each for each in COMMANDS if OURS in each])
def test_command_of_the_page_is_one_of_the_program(command: str) -> None:
    parse(shlex.split(command.partition(OURS)[2]))


def test_unit_is_what_systemd_takes(server: Server, tmp_path: Path) -> None:
    unit = tmp_path / "investiq.service"
    unit.write_text(server.here(UNIT))

    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )

    assert (verified.returncode, verified.stderr) == (0, "")


def test_unit_is_shut_in(server: Server, tmp_path: Path) -> None:
    unit = tmp_path / "investiq.service"
    unit.write_text(server.here(UNIT))

    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=25", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert judged.returncode == 0, judged.stdout[-300:]


def test_unit_starts_again_after_a_fall_and_not_after_a_refusal() -> None:
    assert directives("Restart") == ["on-failure"]
    assert directives("RestartPreventExitStatus") == ["1 2 3 4 5 6 7"]
    assert directives("LimitCORE") == ["0"]


@pytest.fixture(scope="module")
def pieces() -> dict[str, Any]:
    folder = ROOT / "resources" / "deployment"
    return {
        name: yaml.safe_load((folder / name).read_text())
        for name in ("traefik.yaml", "traefik-investiq.yaml")
    }


# The keys of Traefik 3, from its reference of the static and of the file provider's dynamic configuration.
ANY = "*"
STATIC: dict[str, Any] = {
    "entryPoints": {
        ANY: {
            "address": str,
            "transport": {
                "respondingTimeouts": {"readTimeout": str, "writeTimeout": str, "idleTimeout": str}
            },
        }
    },
    "providers": {"file": {"filename": str, "directory": str, "watch": bool}},
    "api": {"dashboard": bool, "insecure": bool},
    "global": {"checkNewVersion": bool, "sendAnonymousUsage": bool},
    "log": {"level": str, "format": str, "filePath": str},
}
DYNAMIC: dict[str, Any] = {
    "http": {
        "routers": {
            ANY: {
                "entryPoints": [str],
                "rule": str,
                "service": str,
                "middlewares": [str],
                "priority": int,
                "tls": {"options": str, "certResolver": str},
            }
        },
        "services": {
            ANY: {
                "loadBalancer": {
                    "servers": [{"url": str, "weight": int}],
                    "passHostHeader": bool,
                    "serversTransport": str,
                }
            }
        },
        "serversTransports": {
            ANY: {
                "forwardingTimeouts": {
                    "dialTimeout": str,
                    "responseHeaderTimeout": str,
                    "idleConnTimeout": str,
                }
            }
        },
    },
    "tls": {
        "options": {ANY: {"minVersion": str, "sniStrict": bool, "cipherSuites": [str]}},
        "certificates": [{"certFile": str, "keyFile": str}],
    },
}


def strangers(found: Any, known: Any, where: str = "") -> list[str]:
    """List what is not documented: a key that there is not, or a value of another kind."""
    if isinstance(known, type):
        return [] if type(found) is known else [f"{where}: {found!r}"]
    if isinstance(known, list):
        return [fault for each in found for fault in strangers(each, known[0], f"{where}[]")]
    faults = []
    for key, value in found.items():
        inner = known.get(key, known.get(ANY))
        faults += [f"{where}.{key}"] if inner is None else strangers(value, inner, f"{where}.{key}")
    return faults


@pytest.mark.parametrize(("name", "known"), [("traefik.yaml", STATIC), ("traefik-investiq.yaml", DYNAMIC)])
def test_traefiks_keys_are_documented_ones(pieces: dict[str, Any], name: str, known: dict[str, Any]) -> None:
    assert strangers(pieces[name], known) == []


def test_a_key_that_traefik_does_not_have_is_found() -> None:
    wrong = {
        "http": {"routers": {"x": {"rules": "Host(`a`)"}}},
        "tls": {"options": {"x": {"sniStrict": "yes"}}},
    }

    assert strangers(wrong, DYNAMIC) == [".http.routers.x.rules", ".tls.options.x.sniStrict: 'yes'"]


def test_traefik_names_what_it_points_to(pieces: dict[str, Any]) -> None:
    static, routes = pieces["traefik.yaml"], pieces["traefik-investiq.yaml"]
    (router,), (service,) = routes["http"]["routers"].values(), routes["http"]["services"].values()

    assert set(router["entryPoints"]) <= set(static["entryPoints"])
    assert router["service"] in routes["http"]["services"]
    assert router["tls"]["options"] in routes["tls"]["options"]
    assert service["loadBalancer"]["serversTransport"] in routes["http"]["serversTransports"]
    assert service["loadBalancer"]["servers"] == [{"url": "http://127.0.0.1:8787"}]
    assert not service["loadBalancer"]["passHostHeader"]
    assert "/metrics" in router["rule"]


@pytest.mark.parametrize("path", re.findall(r"\]\((\.\./resources/[^)]+)\)", TEXT))
def test_files_that_the_page_names_are_there(path: str) -> None:
    assert (ROOT / "docs" / path).resolve().is_file()
