"""What no file of the repository may carry, and what no folder of it may be called."""

import re
import subprocess

import pytest

from tests.arch.source import ROOT

# Put together here so that this file does not contain what it looks for.
REGISTRIES = re.compile(
    "|".join(
        ["pypi" + r"\.org", "python" + "hosted", "npm" + r"js\.(org|com)", "/simple" + "/", "inde" + "x-url"]
    )
)
HOMES = re.compile(r"(?<![\w./])/(?:" + "home|Users|root|work" + r")/\w")
VAGUE = {"utils", "helpers", "common", "misc", "base", "manager", "service", "data", "info"}
PICTURES = {".png", ".ttf", ".otf", ".wav", ".ico", ".gz"}


def files() -> list[str]:
    """Return what git tracks, or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for path in listed if (ROOT / path).is_file()]


def test_files_name_no_registry_and_no_home_folder():
    found = []
    for path in files():
        if (ROOT / path).suffix in PICTURES:
            continue
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
            if REGISTRIES.search(line) or HOMES.search(line):
                found.append(f"{path}:{number} {line.strip()[:80]}")

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "https://" + "pypi" + ".org/project/x",
        "--extra-inde" + "x-url=x",
        "open('" + "/home" + "/me/x.csv')",
        "cd /work" + "/main",
    ],
)
def test_line_with_a_registry_or_a_home_folder_is_found(line):
    assert REGISTRIES.search(line) or HOMES.search(line)


@pytest.mark.parametrize("line", ["ui/home/page", "GET /v1/orders", "Documentation at example.test/root"])
def test_line_without_them_is_not_found(line):
    assert not REGISTRIES.search(line)
    assert not HOMES.search(line)


def test_modules_have_names_that_say_something():
    parts = {path: set(re.split(r"[/.]", path)) for path in files() if path.endswith(".py")}

    assert not {path for path, names in parts.items() if names & VAGUE}
