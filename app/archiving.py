"""Archives what is past its keep-by date, once a day while the program runs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from core.audit.sealing import Sealer, due_before
from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.messages import Notice, Severity
from core.errors import StorageError
from core.portfolio.archiving import FillArchiver

FIRST_RUN_S = 600.0  # after the start, and the day's backup
EVERY_S = 86_400.0

_log = structlog.get_logger("retention")


@dataclass(frozen=True, slots=True)
class Keep:
    """How long records, and fills with closed lots, stay in the database at least."""

    audit: timedelta
    fills: timedelta


class DailyArchiving:
    """Archives the audit records and the fills that are due, beside the desk.

    Args:
        actor: in whose name it is recorded.
    """

    def __init__(
        self, sealer: Sealer, archiver: FillArchiver, keep: Keep, actor: Actor, clock: Clock, bus: Bus
    ) -> None:
        self._sealer = sealer
        self._archiver = archiver
        self._keep = keep
        self._actor = actor
        self._clock = clock
        self._bus = bus

    async def run(self) -> None:
        """Archive every day until cancelled; a run that fails is told of, and tried again the next day."""
        await self._clock.sleep(FIRST_RUN_S)
        while True:
            await self.archive()
            await self._clock.sleep(EVERY_S)

    async def archive(self) -> None:
        """Archive what is due now; where one of the two fails, the other is archived all the same."""
        now = self._clock.now()
        await self._tell_failure("audit records", self._seal, now)
        await self._tell_failure("fills", self._archive_fills, now)

    async def _seal(self, now: datetime) -> None:
        sealed = await self._sealer.run(due_before(now, self._keep.audit), now, self._actor)
        if sealed:
            _log.info("archive.sealed", first=sealed[0].first_seq, last=sealed[-1].last_seq)

    async def _archive_fills(self, now: datetime) -> None:
        made = await self._archiver.run(due_before(now, self._keep.fills), now, self._actor)
        if made:
            _log.info("fills.archived", fills=sum(each.fills for each in made), files=len(made))

    async def _tell_failure(
        self, what: str, archive: Callable[[datetime], Awaitable[None]], now: datetime
    ) -> None:
        try:
            await archive(now)
        except StorageError as error:
            _log.warning("archive.failed", what=what, reason=str(error))
            words = f"Old {what} were not archived: {error}"
            self._bus.publish(Notice(Severity.WARNING, words, f"retention:{what}"))
