"""The Debian package: what it needs of the system is read from the libraries themselves."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from resources.packaging import PROGRAM, SUMMARY
from resources.packaging.facts import BuildFacts
from resources.packaging.licences import owner_of
from resources.packaging.linux_tree import DOCUMENTS, lay, packed

# What no library names: Qt loads the first two when it draws; the packed libraries read the data of the
# next; characters that the packed face lacks come from a font; TLS trusts the system's authorities.
ASKED_FOR = (
    "libegl1",
    "libgl1",
    "fontconfig",
    "xkb-data",
    "libx11-data",
    "fonts-dejavu-core",
    "ca-certificates",
)
NEEDED = re.compile(r"^\s+NEEDED\s+(\S+)", re.MULTILINE)
GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)")
COMPRESSION = ("-Zxz", "-z1")
_CONTROL = """\
Package: {name}
Version: {version}
Architecture: {architecture}
Maintainer: The InvestIQ project <investiq@localhost>
Installed-Size: {size_kib}
Depends: {depends}
Recommends: gnome-keyring | kwalletmanager | keepassxc
Section: misc
Priority: optional
Description: {summary}
 Orders are written down before they are sent, judged by every risk rule, and
 recorded in a chain that anybody can verify. It comes with an exchange of its
 own, so that it can be tried without an account: investiq --demo
 .
 Removing the package, or purging it, leaves every profile where it is:
 ~/.local/share/InvestIQ of each user.
"""


def build(program: Path, papers: Path, work: Path, target: Path, facts: BuildFacts) -> Path:
    """Build the package and return where it is; the same folder and facts give the same bytes."""
    tree = work / "deb"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "DEBIAN").mkdir(parents=True)
    lay(program, papers, tree / "usr", facts, f"/usr/bin/{PROGRAM}")
    for name in ("changelog",):
        path = tree / "usr" / DOCUMENTS / name
        path.with_name(f"{name}.gz").write_bytes(packed(path.read_bytes()))
        path.unlink()
    control = _CONTROL.format(
        name=PROGRAM,
        version=facts.label,
        architecture=_architecture(),
        size_kib=size_kib(tree / "usr"),
        depends=", ".join(depends(program)),
        summary=SUMMARY[0].lower() + SUMMARY[1:],
    )
    (tree / "DEBIAN" / "control").write_text(control, encoding="utf-8")
    (tree / "DEBIAN" / "md5sums").write_text("".join(_sums(tree)), encoding="utf-8")
    package = target / f"{PROGRAM}_{facts.label}_{_architecture()}.deb"
    command = ["dpkg-deb", "--root-owner-group", *COMPRESSION, "--build", str(tree), str(package)]
    known = {**os.environ, "SOURCE_DATE_EPOCH": str(facts.epoch_s)}
    subprocess.run(command, check=True, env=known, stdout=subprocess.DEVNULL)
    return package


def _architecture() -> str:
    command = ["dpkg", "--print-architecture"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def size_kib(folder: Path) -> int:
    """Return what an installation takes: each file in whole KiB, as dpkg has it."""
    found = [path.lstat() for path in folder.rglob("*")]
    return sum(1 if not each.st_mode & 0o100000 else (each.st_size + 1023) // 1024 for each in found)


def _sums(tree: Path) -> Iterator[str]:
    for path in sorted((tree / "usr").rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n"  # noqa: S324 - dpkg's own


def depends(program: Path) -> list[str]:
    """Return the packages of the libraries that are asked for and not packed, and what nobody names."""
    inside = {path.name for path in program.rglob("*.so*")} | {PROGRAM}
    wanted: set[str] = set()
    newest = (2, 17)
    for path in sorted(program.rglob("*")):
        if path.is_symlink() or not path.is_file() or not _is_program(path):
            continue
        told = subprocess.run(["objdump", "-p", str(path)], capture_output=True, text=True, check=True).stdout
        wanted |= set(NEEDED.findall(told)) - inside
        newest = max(newest, *((int(a), int(b)) for a, b in GLIBC.findall(told)), newest)
    owners = {owner_of(os.path.realpath(found)) for found in map(_located, sorted(wanted))} - {"libc6"}
    return [f"libc6 (>= {newest[0]}.{newest[1]})", *sorted(owners | set(ASKED_FOR))]


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _located(library: str) -> str:
    told = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    found = re.search(
        rf"^\s+{re.escape(library)} \(.*x86-64.*\) => (\S+)|^\s+{re.escape(library)} \(.*\) => (\S+)",
        told,
        re.MULTILINE,
    )
    if found is None:
        raise SystemExit(f"packaging: {library} is asked for and not to be found here")
    return found.group(1) or found.group(2)
