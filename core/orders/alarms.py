"""Alarms wait until a person says that they were seen, and grow louder meanwhile (B12).

Knight Capital had 97 unread e-mails.
"""

from dataclasses import replace

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.alarms import Alarm, AlarmId
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import (
    AcknowledgeAlarms,
    AlarmEscalated,
    AlarmsChanged,
    LoadAlarms,
    Notice,
    Severity,
)
from core.errors import RefusalCode, Refused
from core.ports.journal import Journal, Record
from core.ports.storage import UnitOfWork

ESCALATE_S = 60.0
# Of so many that wait, the oldest are merged into one that says how many there are.
MOST_WAITING = 200


class Alarms:
    """Keeps the alarms of this run that nobody has seen. Lives on the core loop."""

    def __init__(self, journal: Journal, clock: Clock, bus: Bus) -> None:
        self._journal = journal
        self._clock = clock
        self._bus = bus
        self._waiting: dict[AlarmId, Alarm] = {}
        self._raised: dict[AlarmId, float] = {}
        self._count = 0
        bus.subscribe(Notice, self._on_notice)

    @property
    def waiting(self) -> tuple[Alarm, ...]:
        """The alarms that nobody has seen, oldest first."""
        return tuple(self._waiting.values())

    def _on_notice(self, event: Notice) -> None:
        if event.severity is not Severity.ALARM:
            return
        subject = event.subject or event.text
        known = next((each for each in self._waiting.values() if each.subject == subject), None)
        if known is None and len(self._waiting) >= MOST_WAITING:
            subject = "many"
            known = next((each for each in self._waiting.values() if each.subject == subject), None)
        if known is None:
            self._raise(event.text, subject)
        else:
            self._waiting[known.alarm_id] = replace(known, text=event.text, count=known.count + 1)
        self._tell()

    def _raise(self, text: str, subject: str) -> None:
        self._count += 1
        alarm = Alarm(AlarmId(self._count), text, subject, self._clock.now())
        self._waiting[alarm.alarm_id] = alarm
        self._raised[alarm.alarm_id] = self._clock.monotonic()

    def _tell(self) -> None:
        self._bus.publish(AlarmsChanged(self.waiting))

    def follow(self) -> None:
        """Tell louder of what nobody has seen in time; once each."""
        now = self._clock.monotonic()
        late = [
            replace(each, escalated=True)
            for each in self._waiting.values()
            if not each.escalated and now - self._raised[each.alarm_id] >= ESCALATE_S
        ]
        for alarm in late:
            self._waiting[alarm.alarm_id] = alarm
            self._bus.publish(AlarmEscalated(alarm))
        if late:
            self._tell()

    async def load(self, command: LoadAlarms, actor: Actor) -> tuple[Alarm, ...]:
        """Answer what waits."""
        del command, actor
        return self.waiting

    async def acknowledge(self, command: AcknowledgeAlarms, actor: Actor) -> tuple[Alarm, ...]:
        """Take alarms for seen by a person, whom the record names.

        Raises:
            Refused: `NOT_FOUND`: one of them does not wait; nothing was changed.
            StorageError: it could not be recorded, so they wait as before.
        """
        seen = []
        for alarm_id in dict.fromkeys(command.alarm_ids):
            alarm = self._waiting.get(alarm_id)
            if alarm is None:
                raise Refused(
                    RefusalCode.NOT_FOUND, f"Alarm {alarm_id} does not wait: it may have been seen."
                )
            seen.append(alarm)
        drafts = [_draft(alarm, actor) for alarm in seen]

        def work(uow: UnitOfWork, record: Record) -> None:
            del uow
            for draft in drafts:
                record(draft)

        if seen:
            await self._journal.write(work)
        for alarm in seen:
            # What was raised again meanwhile is more than the person has seen.
            now = self._waiting.get(alarm.alarm_id)
            if now is not None and now.count == alarm.count:
                del self._waiting[alarm.alarm_id], self._raised[alarm.alarm_id]
        self._tell()
        return self.waiting


def _draft(alarm: Alarm, actor: Actor) -> AuditDraft:
    facts = {"text": alarm.text, "count": alarm.count, "raised_at": alarm.raised_at.isoformat()}
    return AuditDraft(AuditAction.ALARM_ACKNOWLEDGED, actor, alarm.subject, payload_of(facts))
