"""What the tests of the packages share."""

from pathlib import Path

import pytest

from resources.packaging.facts import BuildFacts
from tests.e2e.conftest import screen

__all__ = ["screen"]

FACTS = BuildFacts("0.1.0", "0123456789ab", 1_760_000_000, "0.1.0+1")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the empty Debian to those who ask for it: it takes minutes, root and what `make dist` made."""
    is_asked = config.getoption("--packaging") is not None
    return True if collection_path.name == "test_empty_debian.py" and not is_asked else None


@pytest.fixture
def facts() -> BuildFacts:
    """Facts of some build."""
    return FACTS


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Make a folder that has the shape of what PyInstaller builds."""
    folder = tmp_path / "built" / "investiq"
    (folder / "_internal" / "resources").mkdir(parents=True)
    (folder / "investiq").write_text("#!/bin/sh\necho the program\n")
    (folder / "investiq").chmod(0o755)
    (folder / "_internal" / "resources" / "build.json").write_text(FACTS.text())
    (folder / "_internal" / "libA.so.1").symlink_to("resources/build.json")
    return folder


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """Make a folder of licences and the like."""
    folder = tmp_path / "papers"
    (folder / "licences").mkdir(parents=True)
    (folder / "licences" / "one.txt").write_text("a licence\n")
    (folder / "changelog").write_text("what is new\n")
    (folder / "copyright").write_text("whose it is\n")
    return folder
