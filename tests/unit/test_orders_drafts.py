"""What rooms of the desk record, to the letter: whoever reads the audit log has nothing else."""

from datetime import timedelta

from core.clock import ManualClock
from core.domain.access import Actor, LockOut, Origin
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import NoteLockOut
from core.errors import StorageUnwritable
from core.orders.backups import backup_failed
from core.orders.lock_out import LockOuts
from tests.fakes.book import Book

ADMIN = Actor("kim", "admin", Origin.WINDOW, "s-1")


def test_a_backup_that_failed_is_recorded_with_its_profile_and_reason() -> None:
    draft = backup_failed("desk", ADMIN, StorageUnwritable("the disk is full"))

    assert draft == AuditDraft(
        AuditAction.BACKUP_FAILED, ADMIN, "desk", payload_of({"reason": "the disk is full"})
    )


class Settings(Book):
    """A book that keeps settings too."""

    def save_setting(self, key: str, value: str) -> None:
        self.trail.append((key, value))


async def test_a_lock_out_is_recorded_when_it_begins_and_failures_before_it_are_not() -> None:
    now = ManualClock().now()
    trail: list[object] = []
    book = Settings(trail)
    outs = LockOuts(book, book)  # type: ignore[arg-type]
    until = now + timedelta(minutes=5)

    await outs.note(NoteLockOut(LockOut((now,), None)), ADMIN)
    counted = [each for each in trail if isinstance(each, AuditDraft)]
    await outs.note(NoteLockOut(LockOut((now, now), until)), ADMIN)
    begun = [each for each in trail if isinstance(each, AuditDraft)]

    assert counted == []
    assert begun == [
        AuditDraft(
            AuditAction.API_LOCKED_OUT,
            ADMIN,
            "local API",
            payload_of({"failures": 2, "until": until.isoformat()}),
        )
    ]
