"""The record's own watch: what is new in the chain is verified at once, and the lamp says so."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.audit.verify import Verifier
from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.audit import AuditAnchor, AuditReport
from core.domain.messages import AuditVerified, LinkState, Part, VerifyAudit
from core.errors import StorageError

VERIFY_EVERY_S = 2.0

Show = Callable[[Part, LinkState, str], None]


class AuditWatch:
    """Verifies now and then, and when it is asked to. Runs on the core loop.

    Args:
        shown: what the witnesses were shown since the start.
    """

    def __init__(
        self,
        verifier: Verifier,
        show: Show,
        clock: Clock,
        bus: Bus,
        shown: Callable[[], Sequence[AuditAnchor]] = tuple,
    ) -> None:
        self._verifier = verifier
        self._shown = shown
        self._show = show
        self._clock = clock
        self._bus = bus

    async def verify(self, command: VerifyAudit, actor: Actor) -> AuditReport:
        """Check the whole chain now.

        Raises:
            StorageError: the record could not be read.
        """
        del command, actor
        return self._tell(await self._verifier.verify())

    async def run(self) -> None:
        """Check what is new, for ever; an idle log costs one small query."""
        seen = -1
        while True:
            try:
                report = await self._verifier.verify_new()
            except StorageError as error:
                # Neither good nor bad: the lamp says so, and the next round asks again.
                seen = -1
                self._show(Part.AUDIT, LinkState.DOWN, f"The record could not be read: {error}")
            else:
                if report.verified_to != seen or report.faults:
                    seen = report.verified_to
                    self._tell(report)
            await self._clock.sleep(VERIFY_EVERY_S)

    def _tell(self, report: AuditReport) -> AuditReport:
        report = replace(report, held=_newest(report.held, self._shown()))
        self._bus.publish(AuditVerified(report))
        if report.faults:
            self._show(Part.AUDIT, LinkState.DOWN, report.faults[0].reason)
        else:
            self._show(Part.AUDIT, LinkState.UP, "")
        return report


def _newest(held: Sequence[AuditAnchor], shown: Sequence[AuditAnchor]) -> tuple[AuditAnchor, ...]:
    # The witnesses are read only when the whole is checked; what they were shown since is known here.
    found = {each.place: each for each in shown}
    fresh = tuple(
        replace(new, count=each.count) if (new := found.get(each.place)) and new.seq > each.seq else each
        for each in held
    )
    known = {each.place for each in held}
    return (*fresh, *(each for each in shown if each.place not in known))
