"""What a build is called: version, commit and time, from git alone, so that one commit gives one answer."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.version import VERSION
from resources.packaging import ROOT


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """Which sources a build is made of.

    Attributes:
        commit: the first twelve figures, with `+modified` where the checkout differs from it.
        epoch_s: seconds since 1970 of the commit; every time in a package is this one.
        label: how the packages are called and ordered: the version alone for a tagged commit.
    """

    version: str
    commit: str
    epoch_s: int
    label: str

    @property
    def at(self) -> datetime:
        """The time of the commit, UTC."""
        return datetime.fromtimestamp(self.epoch_s, UTC)

    def text(self) -> str:
        """Return what the program reads as `resources/build.json`."""
        facts = {"version": self.version, "label": self.label, "commit": self.commit}
        return json.dumps({**facts, "date": self.at.date().isoformat()}, indent=1) + "\n"


def read(root: Path = ROOT, label: str | None = None) -> BuildFacts:
    """Read the facts of a checkout.

    Args:
        root: of the checkout.
        label: another name for the packages; for trials of an upgrade.

    Raises:
        SystemExit: it is no checkout.
    """
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    epoch_s = int(os.environ.get("SOURCE_DATE_EPOCH") or _git(root, "show", "-s", "--format=%ct", "HEAD"))
    is_modified = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    is_tagged = f"v{VERSION}" in _git(root, "tag", "--points-at", "HEAD").splitlines() and not is_modified
    stamp = datetime.fromtimestamp(epoch_s, UTC).strftime("%Y%m%d%H%M%S")
    usual = VERSION if is_tagged else f"{VERSION}+{stamp}.{commit}{'.modified' if is_modified else ''}"
    return BuildFacts(
        VERSION, commit + ("+modified" if is_modified else ""), epoch_s, checked(label or usual)
    )


def checked(label: str) -> str:
    """Return a label that a file name and a Debian version can carry.

    Raises:
        SystemExit: it cannot be one.
    """
    if not re.fullmatch(r"[0-9][0-9A-Za-z.+~]*", label):
        raise SystemExit(f"packaging: expected a version such as 0.1.0 or 0.1.0+2, found {label!r}")
    return label


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"packaging: a build is named by its commit, and git says: {ran.stderr.strip()}")
    return ran.stdout.strip()
