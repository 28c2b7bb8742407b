"""The folders bin, lib and share that a Linux package consists of, whatever carries them."""

import gzip
import os
import shutil
from pathlib import Path

from app.arguments import command_line
from resources.packaging import HERE, PROGRAM, manual, pictures
from resources.packaging.facts import BuildFacts

TEMPLATES = HERE / "linux"
DOCUMENTS = f"share/doc/{PROGRAM}"


def lay(program: Path, papers: Path, root: Path, facts: BuildFacts, command: str) -> None:
    """Lay the tree under `root`, which must not be there.

    Args:
        program: the folder that PyInstaller built; its files are linked, not copied.
        papers: licences, bill of materials and change log.
        root: stands for `/usr` or another prefix.
        facts: which build it is.
        command: what menu entry and unit start; `@BIN@` leaves that to the installing script.
    """
    shutil.copytree(program, root / "lib" / PROGRAM, symlinks=True, copy_function=os.link)
    (root / "bin").mkdir()
    (root / "bin" / PROGRAM).symlink_to(f"../lib/{PROGRAM}/{PROGRAM}")
    _fill("investiq.desktop", root / "share" / "applications" / "investiq.desktop", command)
    _fill("investiq.service", root / "share" / "systemd" / "user" / "investiq.service", command)
    icons = root / "share" / "icons" / "hicolor"
    for size in pictures.SIZES:
        _write(icons / f"{size}x{size}" / "apps" / "investiq.png", pictures.draw(size))
    _write(icons / "scalable" / "apps" / "investiq.svg", pictures.DRAWING.read_bytes())
    _write(
        root / "share" / "man" / "man1" / "investiq.1.gz", packed(manual.page(command_line(), facts).encode())
    )
    shutil.copytree(papers, root / DOCUMENTS)
    _settle(root, facts.epoch_s)


def packed(content: bytes) -> bytes:
    """Return gzip without a name and a time in it."""
    return gzip.compress(content, compresslevel=9, mtime=0)


def _fill(template: str, target: Path, command: str) -> None:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    _write(target, text.replace("@BIN@", command).encode())


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def _settle(root: Path, epoch_s: int) -> None:
    # What may be read and run is said here, whatever the mask of whoever builds. Every time is the commit's.
    root.chmod(0o755)
    for path in root.rglob("*"):
        if not path.is_symlink():
            is_run = path.is_dir() or bool(path.stat().st_mode & 0o100)
            path.chmod(0o755 if is_run else 0o644)
        os.utime(path, (epoch_s, epoch_s), follow_symlinks=False)
