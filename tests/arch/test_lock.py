"""The lock pins everything by content and says nothing about where it came from."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.arch.source import ROOT

LOCK = (ROOT / "requirements.lock").read_text()
ADDRESS = re.compile(r"://|@ |^-|\binde" + r"x-url\b", re.MULTILINE)
ENTRY = re.compile(r"^(?P<pin>\S.*?) \\\n(?P<rest>(?:    .*\n)+)", re.MULTILINE)


def entries() -> list[tuple[Requirement, str]]:
    return [(Requirement(found["pin"]), found["rest"]) for found in ENTRY.finditer(LOCK)]


def test_lock_names_no_address():
    assert not ADDRESS.search(LOCK)


def test_lock_address_is_found_where_there_is_one():
    assert ADDRESS.search("x @ file.whl")
    assert ADDRESS.search("# from https://example.test/simple")
    assert ADDRESS.search("--extra-inde" + "x-url example.test")


def test_lock_pins_every_line_with_a_hash():
    lines = [line for line in LOCK.splitlines() if line and not line.startswith((" ", "#"))]

    assert len(entries()) == len(lines) > 50
    assert all("--hash=sha256:" in rest for _, rest in entries())
    assert all(str(pin.specifier).startswith("==") for pin, _ in entries())


def test_lock_satisfies_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(text) for text in project["dependencies"] + project["optional-dependencies"]["dev"]]
    pinned: dict[str, list[str]] = {}
    for pin, _ in entries():
        pinned.setdefault(canonicalize_name(pin.name), []).append(str(pin.specifier).removeprefix("=="))

    for requirement in wanted:
        versions = pinned.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in requirements.lock: run make lock"
        assert all(version in requirement.specifier for version in versions), requirement
