"""What the sheet is asked, what it may answer, and how far the price may move while it stands."""

from dataclasses import replace

import pytest

from core.clock import ManualClock
from core.domain.access import Actor, Mode, Origin
from core.domain.audit import AuditDraft
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.money import Price
from core.domain.risk import Outcome, RuleCode, RuleResult, Verdict
from core.domain.terms import Side
from core.errors import RefusalCode, Refused
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


class Sheet:
    """A person who says yes to all, and types what is asked for."""

    def __init__(self) -> None:
        self.asked: list[ConfirmationRequest] = []

    async def ask(self, request: ConfirmationRequest) -> ConfirmationReply:
        self.asked.append(request)
        return ConfirmationReply(request.digest, accepted=True, typed=request.phrase)


def gate(mode: Mode = Mode.LIVE, *, always: bool = False, due: bool = False) -> Gate:
    settings = GateSettings(mode, "Main", always=always, phrase_is_due=due)
    return Gate(settings, Sheet(), Book(), ManualClock(), Tasks())


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
