"""The exchange's own memory: an append-only file of JSON lines.

One line is one commit: what became true at one moment, all of it or nothing. Each fact in it has
a number that is never used again; the ids of orders and reports are made of it. Our storage never
reads this file, so that a comparison of the two proves something.
"""

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from core.errors import BadInput
from core.failpoints import failpoint

Fact: TypeAlias = Mapping[str, object]


class Ledger:
    """Facts that survive the process. Used from the core loop; a commit waits for the disk.

    A last line without its end was never answered for: it is cut off on opening.
    """

    def __init__(self, path: Path, *, fsync: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fsync = fsync
        self._seq = 0
        # Unbuffered: after a failed write nothing lies in wait to be written later.
        self._file = os.fdopen(_private(path), "a+b", buffering=0)
        self._path = path
        self._cut_torn_line()
        self._pending: list[dict[str, object]] = []

    def facts(self) -> Iterator[Fact]:
        """Read every fact from the beginning, oldest first, and continue counting after the last."""
        self._file.seek(0)
        for number, line in enumerate(self._file.read().splitlines(), start=1):
            yield from self._decode(line, number)

    def next_seq(self) -> int:
        """Return the number that the next recorded fact gets."""
        return self._seq + 1

    def record(self, kind: str, values: Mapping[str, object]) -> int:
        """Add a fact to the commit that is being prepared and return its number."""
        self._seq += 1
        self._pending.append({"seq": self._seq, "kind": kind, **values})
        return self._seq

    def commit(self, time: datetime) -> None:
        """Put the prepared facts on stable storage as one line; does nothing if there are none.

        Raises:
            OSError: the line was not written; its facts are tried again with the next commit.
        """
        if not self._pending:
            return
        failpoint("simulator.ledger.before_write")
        line = json.dumps(
            {"time": time.isoformat(), "facts": self._pending},
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )
        self._append(line.encode() + b"\n")
        self._pending = []
        failpoint("simulator.ledger.after_write")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, line: bytes) -> None:
        end = self._file.seek(0, os.SEEK_END)
        try:
            self._write_whole(line)
            if self._fsync:
                os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(end)
            raise

    def _write_whole(self, line: bytes) -> None:
        if self._file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def _cut_torn_line(self) -> None:
        size = self._file.seek(0, os.SEEK_END)
        if size == 0:
            return
        self._file.seek(0)
        end = self._file.read().rfind(b"\n") + 1
        if end < size:
            self._file.truncate(end)

    def _decode(self, line: bytes, number: int) -> Iterator[Fact]:
        try:
            entry = json.loads(line)
            for fact in entry["facts"]:
                self._seq = int(fact["seq"])
                yield {"time": entry["time"], **fact}
        except (ValueError, KeyError, TypeError) as error:
            self.close()
            raise BadInput(str(self._path), "expected a line of the exchange's ledger", number) from error


def read_ledger(path: Path) -> Sequence[Fact]:
    """Return every whole fact of a ledger file, oldest first, without touching the file."""
    whole = path.read_bytes().rpartition(b"\n")[0]
    return [
        {"time": entry["time"], **fact}
        for entry in (json.loads(line) for line in whole.splitlines())
        for fact in entry["facts"]
    ]


def _private(path: Path) -> int:
    # Orders and cash are nobody else's: the file is made readable by its owner alone.
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
