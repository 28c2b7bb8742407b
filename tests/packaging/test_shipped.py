"""What is packed, what is not, and what a build is called."""

import dataclasses
import json
import marshal
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from app.version import VERSION, build, version
from resources.packaging import contents, facts, pictures, shipped
from tests.arch.source import ROOT


def test_packed_is_what_the_program_requires_and_none_of_the_tools():
    names = {canonicalize_name(each.name) for each in shipped.distributions()}

    assert {"investiq", "pyside6-essentials", "sqlcipher3", "alpaca-py", "jeepney"} <= names
    assert not names & {"pytest", "mypy", "hypothesis", "pyinstaller", "pillow", "cyclonedx-python-lib"}
    assert {"pytest", "hypothesis", "PIL", "rich", "PySide6.QtNetwork", "readline"} <= set(shipped.excluded())
    assert not {"numpy", "core", "app", "resources"} & set(shipped.excluded())


def test_own_files_are_data_and_migrations_and_nothing_of_the_packaging():
    places = {f"{folder}/{Path(source).name}" for source, folder in shipped.own_files()}

    assert {"resources/verify_audit.py", "resources/themes/dark.toml", "migrations/env.py"} <= places
    assert not [place for place in places if "packaging" in place or "__pycache__" in place]


@pytest.mark.parametrize(
    ("place", "is_wanted"),
    [
        ("PySide6/Qt/plugins/platforms/libqxcb.so", True),
        ("PySide6/Qt/plugins/platforms/libqvnc.so", False),
        ("PySide6/Qt/plugins/imageformats/libqsvg.so", True),
        ("PySide6/Qt/translations/qt_de.qm", False),
        ("qtawesome/fonts/phosphor-1.3.0.ttf", True),
        ("qtawesome/fonts/remixicon-2.5.0.ttf", False),
    ],
)
def test_collected_file_is_wanted_or_not(place, is_wanted):
    assert shipped.is_wanted((place, "", "DATA")) is is_wanted


def test_version_stands_in_one_place():
    told = subprocess.run(
        [sys.executable, "-m", "app", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    written = (ROOT / "pyproject.toml").read_text()

    assert told == f"investiq {VERSION} (source)\n"
    assert version() == VERSION
    assert f'"{VERSION}"' not in written.split("[project.optional-dependencies]")[0]
    assert 'dynamic = ["version"]' in written


def test_packed_program_tells_commit_and_day(tmp_path):
    made = facts.BuildFacts("0.1.0", "0123456789ab", 1_760_000_000, "0.1.0+1")
    (tmp_path / "build.json").write_text(made.text())

    assert build(tmp_path / "build.json") == "build 0123456789ab of 2025-10-09"
    assert build(tmp_path / "none.json") == "source"


def checkout(folder: Path) -> Path:
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)

    folder.mkdir()
    git("init", "-q")
    (folder / "a").write_text("1")
    git("add", "a")
    who = ("-c", "user.name=A", "-c", "user.email=a@localhost")
    git(*who, "-c", "commit.gpgsign=false", "commit", "-q", "-m", "First", "--date", "2026-01-05T12:00:00Z")
    return folder


def test_build_is_named_by_its_commit_and_says_if_it_was_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1760000000")
    root = checkout(tmp_path / "tree")

    clean = facts.read(root)
    (root / "a").write_text("2")
    changed = facts.read(root)

    assert clean.label == f"{VERSION}+20251009085320.{clean.commit}"
    assert changed.commit == f"{clean.commit}+modified"
    assert changed.label == f"{clean.label}.modified"


def test_build_of_a_tagged_commit_is_the_version_alone(tmp_path):
    root = checkout(tmp_path / "tree")
    subprocess.run(["git", "-C", str(root), "tag", f"v{VERSION}"], check=True)

    assert facts.read(root).label == VERSION


def test_label_that_is_no_version_is_refused():
    with pytest.raises(SystemExit, match="expected a version"):
        facts.checked("../x")


def test_two_lists_name_what_differs(tmp_path):
    for name, text in (("one", "1"), ("two", "2")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "same").write_text("x")
        (folder / "other").write_text(text)
        (folder / f"of-{name}").write_text("")

    first, second = (contents.listed(tmp_path / name) for name in ("one", "two"))

    assert contents.differences(first, first) == []
    assert contents.differences(first, second) == [
        "differs: other",
        "only in the first: of-one",
        "only in the second: of-two",
    ]


def test_generated_methods_and_patterns_are_those_that_would_be_made(tmp_path):
    path = tmp_path / "generated_code.bin"
    command = [sys.executable, "-O", "-m", "resources.packaging.generated", str(path)]
    subprocess.run(command, cwd=ROOT, check=True)
    methods, sources, patterns = marshal.loads(path.read_bytes())
    program = f"""
import builtins, dataclasses, json, re, sys
compile_it, translated, translate = compile, [], re._compiler.compile
re._compiler.compile = lambda text, flags=0: translated.append(text) or translate(text, flags)
sys._MEIPASS = {str(tmp_path)!r}
exec(open({str(ROOT / "resources/packaging/hooks/short_start.py")!r}).read())
from core.domain.market import Quote
@dataclasses.dataclass(frozen=True, slots=True)
class Unforeseen:
    a_name_that_no_module_has: int = 3
made = Unforeseen()
import PySide6.QtCore
told = [builtins.compile is compile_it, repr(made), made == Unforeseen(3), hasattr(made, "__dict__")]
from ui.panels.audit_times import _FORM as known
new = re.compile("(?P<a_group_that_no_module_has>x)", re.I).match("X").groupdict()
told += [Quote.__name__, dataclasses.exec is not exec, known.pattern in translated, new]
found = known.fullmatch("2026-01-05 14:30")
print(json.dumps([*told, found and found.groupdict(), translated[-1]]))
"""
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert len(methods) > 300
    assert any(b"def generate_pyi" in source for source in sources)
    assert all(isinstance(code, bytes) for code in (*methods.values(), *sources.values(), *patterns.values()))
    assert json.loads(told.stdout or "[]") == [
        True,
        "Unforeseen(a_name_that_no_module_has=3)", True, False, "Quote", True,
        False, {"a_group_that_no_module_has": "X"}, {"day": "2026-01-05", "clock": "14:30", "second": None},
        "(?P<a_group_that_no_module_has>x)",
    ], told.stderr  # fmt: skip
    assert "exec" not in vars(dataclasses)


def test_icon_of_windows_and_of_macos_hold_the_pictures():
    png = pictures.draw(16)

    assert png.startswith(b"\x89PNG")
    assert pictures.ico([(16, png)])[22:] == png
    assert pictures.icns([(b"ic11", png)]).endswith(png)
