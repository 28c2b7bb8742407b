"""The archive for every other Linux: unpack it, and run install.sh."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

from resources.packaging import PROGRAM
from resources.packaging.facts import BuildFacts
from resources.packaging.linux_tree import TEMPLATES, lay


def build(program: Path, papers: Path, work: Path, target: Path, facts: BuildFacts) -> Path:
    """Build the archive and return where it is; the same folder and facts give the same bytes."""
    name = f"{PROGRAM}-{facts.label}-linux-{platform.machine()}"
    tree = work / "portable" / name
    shutil.rmtree(tree.parent, ignore_errors=True)
    tree.parent.mkdir(parents=True)
    lay(program, papers, tree, facts, "@BIN@")
    shutil.copy(TEMPLATES / "install.sh", tree / "install.sh")
    (tree / "install.sh").chmod(0o755)
    archive = target / f"{name}.tar.xz"
    told = ("--sort=name", f"--mtime=@{facts.epoch_s}", "--owner=0", "--group=0", "--numeric-owner")
    shape = ("--hard-dereference", "--use-compress-program=xz -1 -T2")
    command = ["tar", *told, *shape, "-cf", str(archive), "-C", str(tree.parent), name]
    subprocess.run(command, check=True, env={**os.environ, "LC_ALL": "C"})
    return archive
