"""The package in an empty Debian without Python: installed, used, upgraded, removed. `make dist-check`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from core.storage import vault
from resources.packaging import contents
from tests.arch.source import ROOT
from tests.e2e.conftest import Screen, until
from tests.fakes.old_schemas import REVISIONS, build
from tests.packaging.empty_debian import USER, Debian, relabelled

PASSPHRASE = "four plain words do well"
MOST_MB, MOST_INSTALLED_KIB = 110, 320 * 1024
DATA = ".local/share/InvestIQ"
SHARED = (
    "man/man1/investiq.1.gz",
    "icons/hicolor/scalable/apps/investiq.svg",
    "systemd/user/investiq.service",
    "doc/investiq/licences/system/libxcb-cursor0.txt",
    "doc/investiq/investiq.cdx.json",
)


@pytest.fixture(scope="module")
def dist(request: pytest.FixtureRequest) -> Path:
    return Path(request.config.getoption("--packaging")).resolve()


@pytest.fixture(scope="module")
def package(dist: Path) -> Path:
    return next(dist.glob("investiq_*.deb"))


@pytest.fixture(scope="module")
def installed(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Debian:
    debian = Debian(tmp_path_factory.mktemp("installed") / "root")
    debian.install(package)
    return debian


def test_package_is_within_its_bounds(package):
    told = subprocess.run(
        ["dpkg-deb", "-f", str(package), "Installed-Size"], capture_output=True, text=True, check=True
    )

    assert package.stat().st_size <= MOST_MB * 1_000_000
    assert int(told.stdout) <= MOST_INSTALLED_KIB


def test_release_is_whole_by_its_own_list(dist):
    manifest = dist / "MANIFEST.json"
    script = ROOT / "resources" / "verify_release.py"
    key = json.loads(manifest.read_text())["public_key"]
    command = [sys.executable, "-I", str(script), str(manifest), "--key", key]

    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0
    assert subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=dist, check=False).returncode == 0
    listed = next(dist.glob("investiq-*.contents")).read_text()
    assert contents.differences(listed, contents.listed(dist / "investiq")) == []


def test_root_has_no_python(installed):
    assert not list(installed.root.glob("usr/bin/python*"))
    assert not list(installed.root.glob("usr/local/bin/python*"))


def test_doctor_passes(installed):
    found = json.loads(installed.asked("investiq", "--data-dir", f"/home/{USER}/new", "doctor", "--json"))

    assert found["ok"], found


def test_manual_menu_and_unit_are_there(installed):
    said = installed.asked("cat", "/usr/share/applications/investiq.desktop")

    assert "Exec=/usr/bin/investiq desktop" in said
    for name in SHARED:
        assert (installed.root / "usr/share" / name).is_file(), name


@pytest.mark.parametrize("platform", ["offscreen", "xcb"])
def test_demo_takes_its_picture_and_writes_in_the_data_folder_only(package, screen, tmp_path, platform):
    debian = Debian(tmp_path / "root")
    debian.install(package)
    before = debian.files()
    picture = f"/home/{USER}/picture.png"

    debian.asked("investiq", "--demo", "--screenshot", picture, QT_QPA_PLATFORM=platform,
                 DISPLAY=screen.environment["DISPLAY"])  # fmt: skip

    new = {path for path in debian.files() - before if not path.startswith(f"home/{USER}/{DATA}")}
    assert (debian.home / "picture.png").stat().st_size > 50_000
    assert new <= {f"home/{USER}/picture.png", f"home/{USER}/.local", f"home/{USER}/.local/share"}, new


@contextmanager
def window(debian: Debian, screen: Screen, *words: str) -> Iterator[None]:
    """Open the window inside, on a screen outside; it is ended as a session manager ends it."""
    display = screen.environment["DISPLAY"]
    command = debian.users(
        "investiq", *words, DISPLAY=display, QT_QPA_PLATFORM="xcb", QT_XCB_NO_XI2_MOUSE="1"
    )
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()


def orders(data: Path) -> list[str]:
    """Return the lines of the exchange's own ledger that hold an order of ours."""
    ledgers = list(data.glob("demo-*/exchange.ledger"))
    return [line for ledger in ledgers for line in ledger.read_text().splitlines() if '"trade"' in line]


def order_by_keys(screen: Screen, data: Path) -> bool:
    if not orders(data):
        screen.press("ctrl+5", "ctrl+Return")
    return bool(orders(data))


def keep_by_keys(screen: Screen, data: Path) -> None:
    screen.press("ctrl+k")
    screen.type("keep")
    screen.press("Return")
    for text in ("kept", PASSPHRASE, PASSPHRASE):
        screen.type(text)
        screen.press("Return")
    until(lambda: list(data.glob("demo-*/kept-as")), within_s=20)


def test_order_by_keys_is_in_an_audit_record_that_the_stand_alone_script_verifies(
    installed, screen, tmp_path
):
    data = installed.home / DATA
    with window(installed, screen, "--demo"):
        screen.focus(screen.window("InvestIQ, demo, SIM"))
        until(lambda: order_by_keys(screen, data))
        keep_by_keys(screen, data)
    secret = installed.give(PASSPHRASE + "\n", "passphrase")
    account = ("investiq", "--profile", "kept", "--passphrase-file", secret)

    installed.asked(*account, "audit", "verify")
    installed.asked(*account, "audit", "export", f"/home/{USER}/audit.jsonl")
    exported = installed.home / "audit.jsonl"
    verifier = installed.root / "usr/lib/investiq/_internal/resources/verify_audit.py"
    ran = subprocess.run(
        [sys.executable, "-I", str(verifier), str(exported)], capture_output=True, text=True, check=False
    )
    exported.write_bytes(exported.read_bytes().replace(b"order.prepared", b"order.prepaRed", 1))
    changed = subprocess.run(
        [sys.executable, "-I", str(verifier), str(exported)], capture_output=True, check=False
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert verifier.read_bytes() == (ROOT / "resources/verify_audit.py").read_bytes()
    assert changed.returncode == 1


def old_profile(debian: Debian, revision: str) -> None:
    """Make a profile as a program of an earlier schema left it."""
    folder = debian.home / DATA / "profiles" / "old"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "profile.toml").write_text('[account]\nmode = "sim"\nbroker = "simulator"\n')
    build(folder / "investiq.db", vault.create(folder, PASSPHRASE), revision)
    debian.own()
    debian.done("chmod", "-R", "go=", f"/home/{USER}/{DATA}")


def test_upgrade_keeps_profiles_and_removing_leaves_nothing_else(package, tmp_path):
    debian = Debian(tmp_path / "root")
    empty = debian.files()
    debian.install(relabelled(package, "0.0.1", tmp_path))
    first = debian.asked("investiq", "--version")
    secret = debian.give(PASSPHRASE + "\n", "passphrase")
    account = ("investiq", "--passphrase-file", secret, "--profile")
    debian.asked("investiq", "--passphrase-file", secret, "profile", "create", "desk")
    old_profile(debian, REVISIONS[0])
    old = debian.asked(*account, "old", "db", "current")

    debian.install(package)
    second = debian.asked("investiq", "--version")
    debian.asked(*account, "old", "db", "upgrade")
    for name in ("desk", "old"):
        debian.asked(*account, name, "audit", "verify")
        assert json.loads(debian.asked(*account, name, "doctor", "--json"))["ok"]
    new = debian.asked(*account, "old", "db", "current")
    stale = list(debian.root.glob("usr/lib/investiq/_internal/only-in-*"))
    profiles = {path for path in debian.files() if path.startswith(f"home/{USER}")}

    debian.done("apt-get", "purge", "-qq", "--yes", "investiq")
    left = debian.files()

    assert "before-" in first
    assert "before-" not in second
    assert f"schema {REVISIONS[0]}" in old
    assert f"schema {REVISIONS[-1]}" in new
    assert stale == []
    assert {path for path in left if path.startswith(f"home/{USER}")} == profiles
    assert not [
        path for path in left - empty if "investiq" in path.lower() and not path.startswith(f"home/{USER}")
    ]


COMMANDS = (
    "profile list",
    "users list",
    "users add ann --role viewer --new-passphrase-file NEW",
    "users set-role ann trader",
    "users remove ann",
    "keys rotate",
    "keys recovery",
    "secrets set polygon --from-file KEY",
    "secrets list",
    "secrets remove polygon",
    "backup create",
    "backup list",
    "backup verify BACKUP",
    "backup restore BACKUP",
    "retention run --dry-run",
    "audit verify --json",
    "db current",
    "db upgrade",
    "keys passphrase --new-passphrase-file NEW",
)


def test_every_command_runs_frozen(package, tmp_path):
    debian = Debian(tmp_path / "root")
    debian.install(package)
    secret = debian.give(PASSPHRASE + "\n", "passphrase")
    new = debian.give("another set of plain words\n", "new")
    key = debian.give("p" * 32 + "\n", "key")
    debian.asked("investiq", "--passphrase-file", secret, "profile", "create", "desk")

    for words in COMMANDS:
        places = {"NEW": new, "KEY": key, "BACKUP": newest_backup(debian)}
        given = [places.get(word, word) for word in words.split()]
        debian.asked("investiq", "--profile", "desk", "--passphrase-file", secret, *given)


def newest_backup(debian: Debian) -> str:
    found = sorted((debian.home / DATA / "backups").rglob("*.*"))
    return "/" + str(found[-1].relative_to(debian.root)) if found else ""


def test_headless_answers_its_api_and_ends_in_order(package, tmp_path):
    debian = Debian(tmp_path / "root")
    debian.install(package)
    secret = debian.give(PASSPHRASE + "\n", "passphrase")
    keys = debian.give("k" * 40 + ":viewer\n", "keys")
    debian.asked("investiq", "--passphrase-file", secret, "profile", "create", "desk")
    settings = debian.home / DATA / "profiles" / "desk" / "profile.toml"
    settings.write_text(settings.read_text() + "\n[api]\nenabled = true\nport = 18787\n")
    command = debian.users(
        "investiq", "headless", API_KEYS_FILE=keys, INVESTIQ_PASSPHRASE_FILE=secret, REQUIRE_AUTH="true"
    )

    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        first = process.stdout.readline()
        asked = Request("http://127.0.0.1:18787/health", headers={"X-API-Key": "k" * 40})
        with urlopen(asked, timeout=10) as answer:
            health = answer.read()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()

    assert "API on 127.0.0.1:18787" in first
    assert json.loads(health)["status"] in {"ok", "degraded"}
    assert process.returncode == 0
