"""Collects the licence of everything that is packed; a part without one stops the build."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from resources.packaging import HERE, ROOT
from resources.packaging.shipped import distributions

TEXTS = HERE / "licences"
NAMES = re.compile(r"licen[cs]e|copying|notice|authors", re.IGNORECASE)
# Distributions that carry no text of their own, or not all of it.
ADDED = {
    "pyside6-essentials": ("LGPL-3.0-only.txt", "GPL-3.0-only.txt", "Qt-notice.txt"),
    "shiboken6": ("LGPL-3.0-only.txt", "GPL-3.0-only.txt"),
    "sqlcipher3": ("BSD-3-Clause-SQLCipher.txt", "Apache-2.0.txt"),  # SQLCipher, and OpenSSL inside it
    "fontpkg": ("MIT.txt",),
    "pyluach": ("MIT.txt",),
}


@dataclass(frozen=True, slots=True)
class SystemPackage:
    """A package of the system that a packed library comes from.

    Attributes:
        copyright: its file of licences.
    """

    name: str
    version: str
    copyright: Path


def shipped(packed: Path) -> tuple[metadata.Distribution, ...]:
    """Return the distributions of which at least one module was packed, ours among them."""
    tops = set(json.loads(packed.read_text())["modules"])
    owners = metadata.packages_distributions()
    names = {canonicalize_name(owner) for top in tops for owner in owners.get(top.split(".")[0], ())}
    return tuple(each for each in distributions() if canonicalize_name(each.name) in names)


def system_packages(packed: Path) -> tuple[SystemPackage, ...]:
    """Return the Debian packages of the libraries that were taken from the system, by name."""
    found: dict[str, SystemPackage] = {}
    for library in json.loads(packed.read_text())["libraries"]:
        path = os.path.realpath(library)
        if "site-packages" in path or path.startswith(os.path.realpath(sys.base_prefix) + os.sep):
            continue
        name = owner_of(path)
        found[name] = SystemPackage(name, _version_of(name), Path("/usr/share/doc", name, "copyright"))
    return tuple(found[name] for name in sorted(found))


def owner_of(path: str) -> str:
    """Return the Debian package that a file belongs to.

    Raises:
        SystemExit: it belongs to none, so nobody could say under which licence it is.
    """
    # Where /lib is a link to /usr/lib, the packages name either.
    for each in (path, path.removeprefix("/usr")):
        ran = subprocess.run(["dpkg-query", "-S", each], capture_output=True, text=True, check=False)
        if not ran.returncode:
            return ran.stdout.partition(":")[0]
    raise SystemExit(f"packaging: {path} is of no package of the system")


def _version_of(package: str) -> str:
    command = ["dpkg-query", "-W", "-f=${Version}\n", package]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[0]


def collect(packed: Path, target: Path) -> None:
    """Write all texts under a folder, one folder a part.

    Raises:
        SystemExit: a part has no licence.
    """
    shutil.rmtree(target, ignore_errors=True)
    (target / "python").mkdir(parents=True)
    shutil.copyfile(ROOT / "LICENSE", target / "investiq-LICENSE.txt")
    shutil.copyfile(Path(os.__file__).parent / "LICENSE.txt", target / "python" / "LICENSE.txt")
    for each in shipped(packed):
        _collect_of(each, target / canonicalize_name(each.name))
    if sys.platform == "linux":
        for package in system_packages(packed):
            (target / "system").mkdir(exist_ok=True)
            shutil.copyfile(package.copyright, target / "system" / f"{package.name}.txt")


def _collect_of(each: metadata.Distribution, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    ours = [TEXTS / name for name in ADDED.get(folder.name, ())]
    theirs = [Path(str(file.locate())) for file in each.files or () if _is_licence(str(file))]
    for number, path in enumerate([*theirs, *ours]):
        target = folder / path.name
        shutil.copyfile(path, target if not target.exists() else folder / f"{number}-{path.name}")
    if not any(folder.iterdir()):
        raise SystemExit(f"packaging: {each.name} comes without a licence; add its text to {TEXTS}")


def _is_licence(path: str) -> bool:
    *folders, name = path.split("/")
    is_inside = any("dist-info" in each for each in folders) or len(folders) <= 1
    return (
        is_inside
        and bool(NAMES.search("/".join((*folders[1:], name))))
        and not name.endswith((".py", ".pyc", ".json"))
    )
