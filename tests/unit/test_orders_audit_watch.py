"""The record's own watch: what it shows and tells of each round, and when it keeps still."""

import asyncio
from dataclasses import replace

import pytest

from core.bus import Bus
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAnchor, AuditFault, AuditHead, AuditReport
from core.domain.messages import AuditVerified, LinkState, Part, VerifyAudit
from core.errors import StorageUnwritable
from core.orders.audit_watch import VERIFY_EVERY_S, AuditWatch
from tests.fakes.beats import Beats

GOOD = AuditReport(7, AuditHead(7, "D"), (), ("file",))
TORN = replace(GOOD, verified_to=6, faults=(AuditFault(7, "record 7 was changed"), AuditFault(9, "x")))
BROKEN = StorageUnwritable("the disk is gone")
KIM = Actor("kim", "admin", Origin.WINDOW, "s-1")


class Verifier:
    """Answers with what a test has laid out, one after the other."""

    def __init__(self, *answers: AuditReport | Exception) -> None:
        self.answers = list(answers)
        self.whole = 0

    async def verify_new(self) -> AuditReport:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def verify(self) -> AuditReport:
        self.whole += 1
        return await self.verify_new()


class Shown:
    """What the lamp was told, and what was published, in order."""

    def __init__(self, *answers: AuditReport | Exception, shown: tuple[AuditAnchor, ...] = ()) -> None:
        self.lines: list[tuple[object, ...]] = []
        self.reports: list[AuditReport] = []
        self.clock, bus = Beats(len(answers)), Bus()
        bus.subscribe(AuditVerified, lambda event: self.reports.append(event.report))
        self.verifier = Verifier(*answers)
        self.watch = AuditWatch(
            self.verifier, lambda *words: self.lines.append(words), self.clock, bus, lambda: shown
        )  # type: ignore[arg-type]

    async def run(self) -> None:
        with pytest.raises(asyncio.CancelledError):
            await self.watch.run()


UP, GONE = (Part.AUDIT, LinkState.UP, ""), (
    Part.AUDIT, LinkState.DOWN, "The record could not be read: the disk is gone"
)  # fmt: skip
FAULTY = (Part.AUDIT, LinkState.DOWN, "record 7 was changed")


async def test_what_is_new_is_told_once_and_what_stands_still_is_not() -> None:
    later = replace(GOOD, verified_to=8)
    seen = Shown(GOOD, GOOD, later, later)

    await seen.run()

    assert seen.lines == [UP, UP]
    assert seen.reports == [GOOD, later]
    assert seen.clock.slept == [VERIFY_EVERY_S] * 4


async def test_an_empty_record_is_told_of_too() -> None:
    empty = replace(GOOD, verified_to=0)
    seen = Shown(empty, empty)

    await seen.run()

    assert seen.reports == [empty]


async def test_a_fault_is_told_at_every_round_and_the_first_of_them_is_shown() -> None:
    seen = Shown(TORN, TORN)

    await seen.run()

    assert seen.lines == [FAULTY, FAULTY]
    assert seen.reports == [TORN, TORN]


async def test_a_record_that_cannot_be_read_is_shown_and_what_follows_is_told_anew() -> None:
    seen = Shown(GOOD, BROKEN, BROKEN, GOOD)

    await seen.run()

    assert seen.lines == [UP, GONE, GONE, UP]
    assert seen.reports == [GOOD, GOOD]


async def test_whoever_asks_has_the_whole_checked_and_gets_the_report() -> None:
    seen = Shown(TORN)

    found = await seen.watch.verify(VerifyAudit(), KIM)

    assert (found, seen.reports, seen.lines, seen.verifier.whole) == (TORN, [TORN], [FAULTY], 1)


async def test_what_a_witness_was_shown_since_is_newer_than_what_was_read_of_it() -> None:
    held = (AuditAnchor("file", 3, 5, 50), AuditAnchor("mail", 2, 6, 60), AuditAnchor("same", 4, 5, 50))
    shown = (
        AuditAnchor("file", 1, 7, 70), AuditAnchor("mail", 1, 4, 40), AuditAnchor("same", 1, 5, 51),
        AuditAnchor("new", 1, 7, 70),
    )  # fmt: skip
    seen = Shown(replace(GOOD, held=held), shown=shown)

    found = await seen.watch.verify(VerifyAudit(), KIM)

    assert found.held == (AuditAnchor("file", 3, 7, 70), held[1], held[2], shown[3])
