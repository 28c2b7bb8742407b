"""What the command line asks of the window."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What the window opens on."""

    WELCOME = "welcome"
    DEMO = "demo"
    REPLAY = "replay"
    PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class DesktopOptions:
    """How the window is to start.

    Attributes:
        data_dir: where profiles, backups and logs live.
        profile_folder: the profile to open; None for the demo and a replay.
        passphrase: of the profile; None asks in the window.
        replay_path: recorded bars, checked already.
        speed: market seconds a real second.
        is_rough: the demo's exchange loses answers, repeats and reorders reports, and cuts the line.
        screenshot: where to save a picture of the window; it ends the program.
        after_s: seconds after the first full picture at which it is taken.
        mark_first_paint: a file that gets the monotonic nanoseconds of the first paint (benchmarks).
    """

    kind: Kind
    data_dir: Path
    profile_folder: Path | None = None
    passphrase: str | None = None
    replay_path: Path | None = None
    speed: float = 60.0
    is_rough: bool = False
    screenshot: Path | None = None
    after_s: float = 0.0
    mark_first_paint: Path | None = None
