"""An empty Debian without Python: a folder that debootstrap makes once, and copies of it to run in."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.arch.source import ROOT

SUITE = "bookworm"
CACHE = ROOT / "build" / "empty-debian"
USER = "trader"
# In a mount namespace of its own, so that nothing stays mounted whatever becomes of us.
_ENTER = """
root=$1; shift
mount -t proc proc "$root/proc"
mkdir -p "$root/dev/shm" "$root/tmp/.X11-unix"
mount -t tmpfs tmpfs "$root/dev/shm"
[ -d /tmp/.X11-unix ] && mount --bind /tmp/.X11-unix "$root/tmp/.X11-unix"
exec chroot "$root" "$@"
"""


def mirror() -> str:
    """Return where this computer has its packages from; it is written down nowhere else."""
    command = ["apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)", "Created-By: Packages"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return next(line.split()[1] for line in told.splitlines() if line.split()[0] == SUITE)


def base() -> Path:
    """Return the empty root, made on first use."""
    ready = CACHE / "ready"
    if not ready.exists():
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.mkdir(parents=True)
        command = ["debootstrap", "--variant=minbase", SUITE, str(CACHE / "root"), mirror()]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        ready.touch()
    return CACHE / "root"


class Debian:
    """One copy of the empty root, with a user who may trade."""

    def __init__(self, root: Path) -> None:
        subprocess.run(["cp", "--archive", "--reflink=auto", str(base()), str(root)], check=True)
        shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
        self.root = root
        self.home = root / "home" / USER
        self.done("useradd", "--create-home", USER)

    def command(self, *words: str) -> list[str]:
        """Return what runs a program inside, as root."""
        return [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-ec",
            _ENTER,
            "sh",
            str(self.root),
            *words,
        ]

    def users(self, *words: str, **variables: str) -> list[str]:
        """Return what runs a program inside, as the user, with variables of its own and no others."""
        known = {"HOME": f"/home/{USER}", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **variables}
        given = [f"{name}={value}" for name, value in known.items()]
        return self.command(
            "setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "env", "-i", *given, *words
        )

    def done(self, *words: str) -> str:
        """Run a program inside as root, and return what it says."""
        return _done(self.command(*words))

    def asked(self, *words: str, **variables: str) -> str:
        """Run a program inside as the user, and return what it says."""
        return _done(self.users(*words, **variables))

    def put(self, path: Path) -> str:
        """Take a file inside, and return its place there."""
        shutil.copy(path, self.root / "tmp" / path.name)
        return f"/tmp/{path.name}"

    def give(self, text: str, *parts: str) -> str:
        """Write a file of the user's that nobody else reads, and return its place inside."""
        path = self.home.joinpath(*parts)
        path.write_text(text)
        path.chmod(0o600)
        self.own()
        return "/" + str(path.relative_to(self.root))

    def own(self) -> None:
        """Make the user the owner of everything in their folder."""
        self.done("chown", "-R", f"{USER}:{USER}", f"/home/{USER}")

    def install(self, package: Path) -> str:
        """Install a package with what it depends on."""
        place = self.put(package)
        self.done("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-qq", "--yes",
                  "--no-install-recommends", place)  # fmt: skip
        return place

    def files(self) -> set[str]:
        """List what is there, but for what runs and what the system keeps of itself."""
        skipped = {"proc", "sys", "dev", "tmp", "run"}
        found = set()
        for top in self.root.iterdir():
            if top.name not in skipped:
                found |= {str(path.relative_to(self.root)) for path in top.rglob("*")}
        return found


def _done(command: list[str]) -> str:
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]}
    )
    assert ran.returncode == 0, f"{command[9:]}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def relabelled(package: Path, label: str, work: Path) -> Path:
    """Return the same package under another version, as if an earlier build had made it."""
    tree = work / "relabelled"
    subprocess.run(["dpkg-deb", "-R", str(package), str(tree)], check=True)
    control = tree / "DEBIAN" / "control"
    lines = control.read_text().splitlines()
    control.write_text(
        "\n".join(f"Version: {label}" if line.startswith("Version:") else line for line in lines) + "\n"
    )
    facts = tree / "usr" / "lib" / "investiq" / "_internal" / "resources" / "build.json"
    facts.write_text(facts.read_text().replace('"commit": "', '"commit": "before-'))
    (tree / "usr" / "lib" / "investiq" / "_internal" / "only-in-the-earlier").write_text("x")
    made = work / f"investiq_{label}_amd64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(made)],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    shutil.rmtree(tree)
    return made
