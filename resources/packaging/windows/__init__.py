"""The installer for Windows, which NSIS compiles on Windows and on Linux: see docs/release.md."""

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_name("investiq.nsi")


def command(source: Path, target: Path, label: str, icon: Path | None = None) -> list[str]:
    """Return what compiles the installer.

    Args:
        source: the folder that PyInstaller built on Windows.
        target: the installer.
        label: the version that Windows shows.
        icon: of installer and uninstaller.
    """
    given = {"VERSION": label, "SOURCE": str(source), "OUTPUT": str(target), "SEPARATOR": os.sep}
    given |= {} if icon is None else {"ICON": str(icon)}
    return ["makensis", "-V2", "-WX", *(f"-D{name}={value}" for name, value in given.items()), str(SCRIPT)]


def build(source: Path, target: Path, label: str, icon: Path) -> Path:
    """Compile the installer and return where it is."""
    subprocess.run(command(source, target, label, icon), check=True)
    return target
