"""Archives what is past its keep-by date, once a day while the program runs."""

from datetime import timedelta

import structlog

from core.audit.sealing import Sealer, due_before
from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.messages import Notice, Severity
from core.errors import StorageError

FIRST_RUN_S = 600.0  # after the start, and the day's backup
EVERY_S = 86_400.0

_log = structlog.get_logger("retention")


class DailyArchiving:
    """Seals the audit records that are due, beside the desk.

    Args:
        keep: how long a record stays in the database at least.
        actor: in whose name it is recorded.
    """

    def __init__(self, sealer: Sealer, keep: timedelta, actor: Actor, clock: Clock, bus: Bus) -> None:
        self._sealer = sealer
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
        """Seal what is due now."""
        now = self._clock.now()
        try:
            sealed = await self._sealer.run(due_before(now, self._keep), now, self._actor)
        except StorageError as error:
            _log.warning("archive.failed", reason=str(error))
            words = f"Old audit records were not archived: {error}"
            self._bus.publish(Notice(Severity.WARNING, words, "retention"))
            return
        if sealed:
            _log.info("archive.sealed", first=sealed[0].first_seq, last=sealed[-1].last_seq)
