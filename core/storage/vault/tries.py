"""Wrong tries at a passphrase: after the third, each has to wait twice as long as the one before.

The count stands in a file beside the slots, so that a restart does not begin anew. A try is counted before it
is made: ending the program while it is being tried does not help.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from core.errors import StorageUnwritable, WrongPassphrase
from core.storage.private_file import replacing

FILE = "unlock.tries"
FREE = 3
LONGEST_S = 900.0
_LARGEST = 4096

_log = structlog.get_logger("vault")


@dataclass(frozen=True, slots=True)
class Tries:
    """What was tried in vain since the last success.

    Attributes:
        count: how often.
        at: when last, our time, UTC.
    """

    count: int
    at: datetime

    @property
    def wait_s(self) -> float:
        """Seconds after the last one until the next."""
        return 0.0 if self.count < FREE else min(LONGEST_S, 2.0 ** min(self.count - FREE, 16))


def begin(folder: Path, now: datetime) -> int:
    """Count a try that is about to be made; return how many were in vain before it.

    Raises:
        WrongPassphrase: it comes too early; it was not counted, and nothing was tried.
    """
    found = _read(folder, now)
    elapsed_s = (now - found.at).total_seconds()
    if elapsed_s < 0:
        # The clock went back: the whole wait begins again, as nobody can tell how much of it is over.
        found, elapsed_s = Tries(found.count, now), 0.0
        _write(folder, found)
    if elapsed_s < found.wait_s:
        left = max(1, round(found.wait_s - elapsed_s))
        raise WrongPassphrase(
            f"{found.count} wrong passphrases in a row: wait {_told(left)} before the next try; "
            "a restart does not shorten it"
        )
    _write(folder, Tries(found.count + 1, now))
    return found.count


def succeed(folder: Path) -> None:
    """Forget the tries: the right passphrase was given."""
    with suppress(OSError):
        (folder / FILE).unlink(missing_ok=True)


def _told(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min {seconds % 60:02} s"


def _read(folder: Path, now: datetime) -> Tries:
    try:
        with (folder / FILE).open("rb") as file:
            found = json.loads(file.read(_LARGEST))
        return Tries(max(0, int(found["count"])), datetime.fromisoformat(found["at"]).astimezone(UTC))
    except FileNotFoundError:
        return Tries(0, datetime(1970, 1, 1, tzinfo=UTC))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        # Somebody has changed it, so it counts as many tries.
        many = Tries(FREE + 10, now)
        _write(folder, many)
        return many


def _write(folder: Path, tries: Tries) -> None:
    try:
        with replacing(folder / FILE) as file:
            file.write(json.dumps({"count": tries.count, "at": tries.at.isoformat()}).encode())
    except StorageUnwritable as error:
        # A full disk must not lock a person out of their orders; each guess costs its half second still.
        _log.warning("tries.unwritable", reason=str(error))
