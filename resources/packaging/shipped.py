"""What goes into the folder that PyInstaller builds, and what does not; build.spec asks here.

Only what the program requires is packed: whatever else the environment holds (the tools of development) is
excluded by name, because libraries import it where they find it.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from resources.packaging import PROGRAM, ROOT

Entry = tuple[str, str, str]  # where to, where from, kind: as PyInstaller has them

# pyqtgraph imports Qt's OpenGL modules and keyring's Linux way in needs none of the rest.
UNUSED_QT = ("Qml", "Quick", "QuickWidgets", "Network", "Sql", "Pdf", "PrintSupport", "Concurrent", "Help",
             "Designer", "UiTools", "Xml")  # fmt: skip
# The standard library's, of no use in a window; readline is GPL, and the rest draws in libraries.
UNUSED_PYTHON = ("tkinter", "turtle", "idlelib", "lib2to3", "ensurepip", "readline", "curses", "sqlite3",
                 "_sqlite3", "pydoc_data", "PyInstaller")  # fmt: skip
# What PyInstaller would run at every start. That of PySide6 loads Qt, also for a command without a window, to
# tell it where its plug-ins are; on Linux Qt finds them beside its libraries. Nothing here makes a process.
UNUSED_HOOKS = ("pyi_rth_multiprocessing", "pyi_rth_pyqtgraph_multiprocess",
                *(("pyi_rth_pyside6",) if sys.platform == "linux" else ()))  # fmt: skip
UNUSED_FORMATS = ("gif", "icns", "jpeg", "tga", "tiff", "wbmp", "webp", "pdf")
UNUSED_PLATFORMS = ("eglfs", "linuxfb", "minimal", "vnc", "vkkhrdisplay", "wayland")
UNUSED_PLUGINS = ("generic", "platformthemes/libqgtk3", "egldeviceintegrations", "networkinformation", "tls",
                  "wayland-", *(f"platforms/libq{name}" for name in UNUSED_PLATFORMS),
                  *(f"imageformats/libq{name}" for name in UNUSED_FORMATS))  # fmt: skip
UNUSED_FILES = (
    "PySide6/Qt/translations",
    *(f"PySide6/Qt/plugins/{name}" for name in UNUSED_PLUGINS),
    "pyqtgraph/examples",
    "pandas/tests",
)
ICON_FACES = "phosphor-"  # of qtawesome's fonts, the one that ui/theme/icons.py draws
# Stripping numpy's breaks the alignment of openblas; these carry the most that can go.
STRIPPED = ("sqlcipher3/", "libpython3", "uvloop/", "aiohttp/", "sqlalchemy/")
NOT_RUN = ("packaging", "__pycache__")


def distributions() -> tuple[metadata.Distribution, ...]:
    """Return the program's own distribution and every one that it requires here, by name."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [PROGRAM]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found[name] = metadata.distribution(name)
        for text in found[name].requires or ():
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                waiting.append(wanted.name)
    return tuple(found[name] for name in sorted(found))


def excluded() -> list[str]:
    """Return the modules that PyInstaller must not follow."""
    ours = {canonicalize_name(each.name) for each in distributions()}
    strangers = [
        module
        for module, owners in metadata.packages_distributions().items()
        if module.isidentifier() and not ours & {canonicalize_name(owner) for owner in owners}
    ]
    return sorted({*strangers, *UNUSED_PYTHON, *(f"PySide6.Qt{name}" for name in UNUSED_QT)})


def own_files() -> list[tuple[str, str]]:
    """Return our files that are no modules, each with the folder that it goes to."""
    found = []
    for top in ("resources", "migrations"):
        for path in sorted((ROOT / top).rglob("*")):
            inside = path.relative_to(ROOT)
            if (
                path.is_file()
                and not set(inside.parts) & set(NOT_RUN)
                and inside.as_posix() != "resources/__init__.py"
            ):
                found.append((str(path), str(inside.parent)))
    return found


def notes() -> list[tuple[str, str]]:
    """Return of each distribution what the program reads of itself: names, versions, entry points."""
    found = []
    for each in distributions():
        folder = Path(str(each.locate_file("")), _folder_of(each))
        names = ("METADATA", "entry_points.txt")
        found += [(str(folder / name), folder.name) for name in names if (folder / name).is_file()]
    return found


def _folder_of(each: metadata.Distribution) -> str:
    return next(str(file.parts[0]) for file in each.files or () if file.parts[0].endswith(".dist-info"))


def is_wanted(entry: Entry) -> bool:
    """Say whether a collected file is one that the program may need."""
    place = PurePosixPath(entry[0].replace("\\", "/")).as_posix()
    if place.startswith("qtawesome/fonts/"):
        return ICON_FACES in place
    return not any(name in place for name in UNUSED_FILES)


def without_records(entries: Iterable[Entry]) -> list[Entry]:
    """Leave out what the hooks collect of distributions; `notes` has what is needed of all of them."""
    return [one for one in entries if is_wanted(one) and ".dist-info" not in one[0]]


def needed(entries: Iterable[Entry]) -> list[Entry]:
    """Keep of the shared libraries those that something that is packed asks for; on Linux."""
    kept = [one for one in entries if is_wanted(one)]
    if sys.platform != "linux":
        return kept
    spare = {PurePosixPath(one[0]).name: one for one in kept if _is_spare(one)}
    asking = [one for one in kept if one[2] != "SYMLINK" and not _is_spare(one)]
    wanted: set[str] = set()
    while asking:
        for name in _asked_by(asking.pop()[1]):
            if name in spare and name not in wanted:
                wanted.add(name)
                asking.append(spare[name])
    packed = {
        one[0]
        for one in kept
        if one[2] != "SYMLINK" and (not _is_spare(one) or PurePosixPath(one[0]).name in wanted)
    }
    return [one for one in kept if one[0] in packed or (one[2] == "SYMLINK" and one[1] in packed)]


def resolved(entries: Iterable[Entry], binaries: Iterable[Entry]) -> list[Entry]:
    """Leave out links to libraries that are not packed."""
    there = {one[0] for one in binaries}
    return [one for one in entries if one[2] != "SYMLINK" or one[1] in there]


def _is_spare(entry: Entry) -> bool:
    folder, _, name = entry[0].rpartition("/")
    return (
        entry[2] == "BINARY"
        and name.startswith("lib")
        and folder in {"", "PySide6/Qt/lib"}
        and "libpython" not in name
    )


def _asked_by(path: str) -> Iterator[str]:
    from PyInstaller.depend.bindepend import get_imports

    yield from (name for name, _ in get_imports(path))


def stripped(entries: Iterable[Entry], folder: Path) -> list[Entry]:
    """Put copies without debugging symbols in the place of the libraries that have the most."""
    if sys.platform == "win32":
        return list(entries)
    return [
        _strip(one, folder) if one[0].startswith(STRIPPED) and one[2] != "SYMLINK" else one for one in entries
    ]


def _strip(entry: Entry, folder: Path) -> Entry:
    target = folder / entry[0]
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["strip", "-S", "-o", str(target), entry[1]], check=True)
    return entry[0], str(target), entry[2]


def write_list(path: Path, modules: Iterable[Entry], binaries: Iterable[Entry]) -> None:
    """Say what was packed, for the bill of materials and the licences."""
    libraries = sorted({one[1] for one in binaries if one[2] != "SYMLINK"})
    tops = sorted(
        {one[0].partition(".")[0] for one in modules} | {one[0].partition("/")[0] for one in binaries}
    )
    path.write_text(json.dumps({"modules": tops, "libraries": libraries}, indent=1))
