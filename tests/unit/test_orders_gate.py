"""What the sheet is asked, what it may answer, and how far the price may move while it stands."""

import asyncio
from dataclasses import replace

import pytest

from core.clock import ManualClock, settle
from core.domain.access import Actor, Mode, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.money import Price
from core.domain.risk import Outcome, RuleCode, RuleResult, Verdict
from core.domain.terms import Side
from core.errors import RefusalCode, Refused, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.orders.bodies import in_words
from core.orders.gate import PHRASE, PHRASE_TYPED, Gate, GateSettings
from core.tasks import Tasks
from tests.risk_builders import QUOTE, limit

KIM = Actor("kim", "trader", Origin.WINDOW, "s-1")
TERMS = limit()
CALM = Verdict((RuleResult(RuleCode.TICK, Outcome.PASS, "Fine."),))
ASKED = Verdict((*CALM.results, RuleResult(RuleCode.SECTOR, Outcome.SOFT, "Much of it.")))


class Book:
    """A journal that keeps what it is given, and the settings that are saved."""

    def __init__(self) -> None:
        self.drafts: list[AuditDraft] = []
        self.settings: dict[str, str] = {}

    async def write(self, work) -> None:
        work(self, self.drafts.append)

    def save_setting(self, name: str, value: str) -> None:
        self.settings[name] = value

    async def record(self, draft: AuditDraft) -> None:
        self.drafts.append(draft)

    @property
    def actions(self) -> list[AuditAction]:
        return [draft.action for draft in self.drafts]


class Sheet:
    """A person who says yes to all, and types what is asked for; or answers as a test wants.

    Attributes:
        changes: what is different in the answer.
        refusal: raised in its place.
        is_silent: no answer ever comes.
        tasks: the names of what ran while it was asked.
    """

    def __init__(self) -> None:
        self.asked: list[ConfirmationRequest] = []
        self.changes: dict[str, object] = {}
        self.refusal: Refused | None = None
        self.is_silent = False
        self.tasks: set[str] = set()

    async def ask(self, request: ConfirmationRequest) -> ConfirmationReply:
        self.asked.append(request)
        self.tasks = {task.get_name() for task in asyncio.all_tasks()}
        if self.refusal is not None:
            raise self.refusal
        if self.is_silent:
            await asyncio.get_running_loop().create_future()
        return replace(ConfirmationReply(request.digest, accepted=True, typed=request.phrase), **self.changes)


def gate(mode: Mode = Mode.LIVE, *, always: bool = False, due: bool = False) -> Gate:
    settings = GateSettings(mode, "Main", always=always, phrase_is_due=due)
    return Gate(settings, Sheet(), Book(), ManualClock(), Tasks())


@pytest.fixture(autouse=True)
def harmless():
    yield
    disarm_all()


def quote(last: str | None, bid: str = "99.00", ask: str = "101.00"):
    return replace(QUOTE, last=None if last is None else Price(last), bid=Price(bid), ask=Price(ask))


@pytest.mark.parametrize("now", ["100.50", "99.50", "100.00"])
def test_a_price_that_moved_by_half_a_percent_still_holds(now: str) -> None:
    gate().refuse_if_moved(Side.BUY, quote("100.00"), quote(now))


@pytest.mark.parametrize("now", ["100.51", "99.49"])
def test_a_price_that_moved_by_more_is_looked_at_again(now: str) -> None:
    with pytest.raises(Refused) as caught:
        gate().refuse_if_moved(Side.BUY, quote("100.00"), quote(now))

    assert caught.value.code is RefusalCode.CONFIRMATION_STALE
    assert caught.value.message == f"The price moved from 100.00 to {now} while the sheet stood; look again."


def test_without_a_trade_the_touch_of_the_side_is_what_moved() -> None:
    before, dearer = quote(None), quote(None, ask="103.00")

    gate().refuse_if_moved(Side.SELL, before, dearer)
    gate().refuse_if_moved(Side.BUY, dearer, dearer)
    with pytest.raises(Refused):
        gate().refuse_if_moved(Side.BUY, before, dearer)


def test_nothing_moved_where_no_yes_was_needed_or_no_price_is_known() -> None:
    gate(Mode.SIM).refuse_if_moved(Side.BUY, quote("100.00"), quote("200.00"))
    gate().refuse_if_moved(Side.BUY, None, quote("200.00"))
    gate().refuse_if_moved(Side.BUY, quote("100.00"), None)
    with pytest.raises(Refused):
        gate(Mode.SIM, always=True).refuse_if_moved(Side.BUY, quote("100.00"), quote("200.00"))


@pytest.mark.parametrize(
    ("mode", "due", "ttl_s", "phrase"),
    [
        (Mode.LIVE, False, 30.0, ""),
        (Mode.LIVE, True, 120.0, PHRASE),
        (Mode.PAPER, True, 30.0, ""),
        (Mode.SIM, False, 30.0, ""),
    ],
)
async def test_the_sheet_is_asked_for_this_very_order(
    mode: Mode, due: bool, ttl_s: float, phrase: str
) -> None:
    made = gate(mode, always=True, due=due)

    await made.pass_or_refuse(TERMS, ASKED, QUOTE, KIM)

    (request,) = made._confirmer.asked
    assert request == ConfirmationRequest(
        request.digest, mode, "Main", TERMS, ASKED, QUOTE, ttl_s, needs_typed_qty=True, phrase=phrase
    )
    assert made.settings.phrase_is_due is (due and not phrase)
    assert made._journal.settings == ({PHRASE_TYPED: "true"} if phrase else {})
    assert {draft.payload for draft in made._journal.drafts} >= {f'{{"digest":"{request.digest}"}}'}


async def test_a_quantity_is_typed_only_where_a_rule_asks() -> None:
    made = gate()

    await made.pass_or_refuse(TERMS, CALM, None, KIM)

    assert [request.needs_typed_qty for request in made._confirmer.asked] == [False]


async def test_orders_and_accounts_have_digests_of_their_own() -> None:
    digests = set()
    for account in ("Main", "Other"):
        for terms in (TERMS, limit(qty=11)):
            made = gate()
            made.settings.account = account
            await made.pass_or_refuse(terms, CALM, QUOTE, KIM)
            digests.add(made._confirmer.asked[0].digest)

    assert len(digests) == 4
    assert all(len(digest) == 64 for digest in digests)


async def test_a_yes_is_recorded_as_it_was_asked_and_given() -> None:
    made = gate(due=True)
    at = {}
    for place in ("gate.asked", "gate.confirmed"):
        arm(place, lambda place=place: at.update({place: made._journal.actions}))

    await made.pass_or_refuse(TERMS, CALM, QUOTE, KIM)

    asked, given = AuditAction.CONFIRMATION_ASKED, AuditAction.CONFIRMATION_GIVEN
    payload = f'{{"digest":"{made._confirmer.asked[0].digest}"}}'
    assert made._journal.drafts == [
        AuditDraft(asked, KIM, in_words(TERMS), payload),
        AuditDraft(AuditAction.LIVE_AFFIRMED, KIM, "Main", "{}"),
        AuditDraft(given, KIM, in_words(TERMS), payload),
    ]
    assert at == {
        "gate.asked": [asked],
        "gate.confirmed": [asked, AuditAction.LIVE_AFFIRMED, given],
    }


@pytest.mark.parametrize(
    "changes", [{"accepted": False}, {"digest": "of another order"}, {"typed": "I trade with money"}]
)
async def test_a_no_and_a_yes_to_something_else_send_nothing(changes: dict[str, object]) -> None:
    made = gate(due=True)
    made._confirmer.changes = changes

    with pytest.raises(Refused) as caught:
        await made.pass_or_refuse(TERMS, CALM, QUOTE, KIM)

    assert (caught.value.code, caught.value.message) == (
        RefusalCode.NOT_CONFIRMED,
        "Not confirmed; nothing was sent.",
    )
    denied = made._journal.drafts[-1]
    assert made._journal.actions == [AuditAction.CONFIRMATION_ASKED, AuditAction.CONFIRMATION_DENIED]
    assert denied == replace(made._journal.drafts[0], action=AuditAction.CONFIRMATION_DENIED)
    assert made.settings.phrase_is_due
    assert made._journal.settings == {}


@pytest.mark.parametrize(("due", "ttl_s"), [(False, 30), (True, 120)])
async def test_a_sheet_that_nobody_answers_ends_after_its_time(due: bool, ttl_s: int) -> None:
    made = gate(due=due)
    made._confirmer.is_silent = True

    passing = made._tasks.spawn(made.pass_or_refuse(TERMS, CALM, QUOTE, KIM), "work")
    await made._clock.advance(ttl_s - 0.1)
    waited = passing.done()
    await made._clock.advance(0.1)
    with pytest.raises(Refused) as caught:
        await passing

    assert not waited
    assert (caught.value.code, caught.value.message) == (
        RefusalCode.CONFIRMATION_EXPIRED,
        f"No answer within {ttl_s} s; nothing was sent.",
    )
    expired = AuditDraft(AuditAction.CONFIRMATION_DENIED, KIM, in_words(TERMS), '{"digest":"expired"}')
    assert made._journal.drafts[1:] == [expired]
    await settle()
    assert not made._tasks._running


async def test_where_nobody_can_be_asked_the_order_is_refused_and_the_waiting_ends() -> None:
    made = gate()
    made._confirmer.refusal = Refused(RefusalCode.NO_WINDOW, "There is no window.")

    with pytest.raises(Refused, match="There is no window") as caught:
        await made.pass_or_refuse(TERMS, CALM, QUOTE, KIM)
    await settle()

    assert caught.value.code is RefusalCode.NO_WINDOW
    assert made._journal.actions == [AuditAction.CONFIRMATION_ASKED]
    assert made._confirmer.tasks >= {"confirmation", "confirmation timer"}
    assert not made._tasks._running


async def test_a_yes_that_cannot_be_recorded_does_not_count() -> None:
    made = gate(due=True)

    async def refuse(_work: object) -> None:
        raise StorageUnwritable("the disk is full")

    made._journal.write = refuse
    with pytest.raises(StorageUnwritable):
        await made.pass_or_refuse(TERMS, CALM, QUOTE, KIM)

    assert made.settings.phrase_is_due
    assert made._journal.actions == [AuditAction.CONFIRMATION_ASKED]


async def test_nothing_is_asked_or_recorded_where_no_yes_is_needed() -> None:
    made = gate(Mode.SIM)

    await made.pass_or_refuse(TERMS, CALM, QUOTE, KIM)

    assert made._confirmer.asked == made._journal.drafts == []
