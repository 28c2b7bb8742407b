"""What a Linux package consists of, and the script that installs the archive."""

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from app.arguments import command_line
from resources.packaging import debian, manual, portable
from resources.packaging.linux_tree import lay
from tests.arch.source import ROOT

COMMANDS = (
    "desktop",
    "headless",
    "doctor",
    "profile create",
    "audit verify",
    "backup restore",
    "keys recovery",
)


@pytest.fixture
def tree(program, papers, facts, tmp_path) -> Path:
    root = tmp_path / "usr"
    lay(program, papers, root, facts, "/usr/bin/investiq")
    return root


def said(*command: str, **options) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_menu_entry_is_one_by_the_desktops_own_rules(tree):
    said("desktop-file-validate", str(tree / "share/applications/investiq.desktop"))

    assert "Exec=/usr/bin/investiq desktop" in (tree / "share/applications/investiq.desktop").read_text()


def test_icon_is_there_in_every_size_and_as_a_drawing(tree):
    found = sorted(path.parent.parent.name for path in (tree / "share/icons/hicolor").rglob("investiq.*"))

    assert {"16x16", "48x48", "256x256", "512x512", "scalable"} <= set(found)
    for path in (tree / "share/icons/hicolor").rglob("*.png"):
        width = int.from_bytes(path.read_bytes()[16:20], "big")
        assert path.parent.parent.name == f"{width}x{width}"


def test_manual_names_every_command_and_every_option(facts):
    page = manual.page(command_line(), facts)

    words = page.replace("\\-", "-")
    for name in (*COMMANDS, "--demo", "--passphrase-file", "--new-passphrase-file"):
        assert f".B {name}" in words, name
    assert page.startswith('.TH INVESTIQ 1 "2025-10-09" "investiq 0.1.0"')
    assert not [line for line in page.splitlines() if line.startswith("'")]


def test_manual_is_packed_without_a_time(tree):
    raw = (tree / "share/man/man1/investiq.1.gz").read_bytes()

    assert raw[4:8] == b"\0\0\0\0"
    assert b".TH INVESTIQ 1" in gzip.decompress(raw)


def test_unit_of_the_user_is_sound(tree, tmp_path):
    unit = tmp_path / "investiq.service"
    text = (tree / "share/systemd/user/investiq.service").read_text()
    unit.write_text(text.replace("/usr/bin/investiq", "/bin/true").replace("man:investiq(1)", "file:/x"))

    said(
        "systemd-analyze", "verify", "--user", str(unit), env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    )

    assert "/usr/bin/investiq --log-format json headless" in text


def test_unit_of_the_user_keeps_what_the_unit_of_the_computer_says_of_falling_and_ending(tree):
    ours = (tree / "share/systemd/user/investiq.service").read_text().splitlines()
    whole = (ROOT / "resources/investiq.service").read_text().splitlines()
    kept = ("KillSignal", "TimeoutStopSec", "Restart", "UMask", "Limit", "NoNewPrivileges", "SystemCall")

    wanted = {line for line in whole if line.startswith(kept) and "@privileged" not in line}
    assert wanted <= set(ours)


def test_modes_do_not_follow_the_mask_of_whoever_builds(program, papers, facts, tmp_path):
    before = os.umask(0o077)
    try:
        lay(program, papers, tmp_path / "usr", facts, "/usr/bin/investiq")
    finally:
        os.umask(before)

    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "usr").rglob("*") if not path.is_symlink()}
    assert modes == {0o755, 0o644}


@pytest.fixture
def archive(program, papers, facts, tmp_path) -> Path:
    return portable.build(program, papers, tmp_path / "work", tmp_path, facts)


@pytest.fixture
def home(tmp_path) -> Path:
    folder = tmp_path / "home"
    (folder / ".local/share/InvestIQ/profiles/desk").mkdir(parents=True)
    (folder / ".local/share/other").write_text("not ours")
    return folder


def run(home: Path, *command: str) -> str:
    return said(*command, env={"PATH": os.environ["PATH"], "HOME": str(home)})


def unpacked(archive: Path, where: Path) -> Path:
    where.mkdir()
    said("tar", "-xf", str(archive), "-C", str(where))
    return next(where.iterdir())


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()
    }


def test_archive_installs_runs_upgrades_and_leaves_the_profiles(archive, home, tmp_path):
    source, prefix = unpacked(archive, tmp_path / "unpacked"), home / "at"
    before = files(home)

    run(home, str(source / "install.sh"), "--prefix", str(prefix))
    stale = prefix / "lib/investiq/_internal/of-an-older-version"
    stale.write_text("x")
    run(home, str(source / "install.sh"), "--prefix", str(prefix))
    answer = run(home, str(prefix / "bin/investiq"))
    unit = (prefix / "share/systemd/user/investiq.service").read_text()
    assert not stale.exists()
    told = run(home, str(prefix / "lib/investiq/uninstall.sh"))

    assert answer == "the program\n"
    assert f"ExecStart={prefix}/bin/investiq --log-format json headless" in unit
    assert files(home) == before
    assert "stay in" in told
    assert not prefix.exists() or not list(prefix.rglob("*investiq*"))


def test_archive_removes_profiles_when_it_is_told_to_and_nothing_else(archive, home, tmp_path):
    source = unpacked(archive, tmp_path / "unpacked")
    run(home, str(source / "install.sh"), "--prefix", str(home / ".local"))

    run(home, str(home / ".local/lib/investiq/uninstall.sh"), "--remove-profiles")

    assert files(home) == {".local/share/other"}


def test_uninstalling_with_an_unknown_word_removes_nothing(archive, home, tmp_path):
    source = unpacked(archive, tmp_path / "unpacked")
    run(home, str(source / "install.sh"), "--prefix", str(home / ".local"))
    before = files(home)

    script = [str(home / ".local/lib/investiq/uninstall.sh"), "--all"]
    ran = subprocess.run(
        script, env={"PATH": os.environ["PATH"], "HOME": str(home)}, capture_output=True, check=False
    )

    assert ran.returncode == 1
    assert files(home) == before


@pytest.mark.parametrize("kind", [portable, debian])
def test_package_of_the_same_folder_has_the_same_bytes(kind, program, papers, facts, tmp_path, monkeypatch):
    monkeypatch.setattr(debian, "depends", lambda _: ["libc6"])
    again, second = tmp_path / "again" / "investiq", tmp_path / "second"
    shutil.copytree(program, again, symlinks=True)
    os.utime(again / "investiq", (1_000_000_000, 1_000_000_000))
    second.mkdir()

    one = kind.build(program, papers, tmp_path / "w1", tmp_path, facts)
    other = kind.build(again, papers, tmp_path / "w2", second, facts)

    assert (one.name, one.read_bytes()) == (other.name, other.read_bytes())


def test_debian_package_has_no_script_that_could_touch_a_home(program, papers, facts, tmp_path, monkeypatch):
    monkeypatch.setattr(debian, "depends", lambda _: ["libc6"])

    package = debian.build(program, papers, tmp_path / "w", tmp_path, facts)

    control = tmp_path / "control"
    said("dpkg-deb", "-e", str(package), str(control))
    names = said("dpkg-deb", "-c", str(package))
    assert sorted(path.name for path in control.iterdir()) == ["control", "md5sums"]
    assert "Version: 0.1.0+1\n" in (control / "control").read_text()
    assert "./usr/bin/investiq -> ../lib/investiq/investiq" in names
    assert "root/root" in names
    assert all(line.split()[5].startswith("./") for line in names.splitlines())
