"""A desk for the ticket's tests: the real bridge, and the real rules on facts that a test turns by hand."""

from concurrent.futures import Future
from dataclasses import replace
from decimal import Decimal
from typing import Any

from core.domain.access import Mode, TradingState
from core.domain.limits import Limits
from core.domain.market import Quote
from core.domain.messages import (
    AccountMark,
    Command,
    OrderChanged,
    Preview,
    PreviewOrder,
    ProfileFacts,
    QuotesChanged,
    Snapshot,
    SubmitOrder,
    Submitted,
    TradingStateChanged,
)
from core.domain.money import Money, Price
from core.domain.order import Order
from core.domain.portfolio import Account
from core.domain.records import TradingStateRecord
from core.domain.risk import LimitUse, Outcome, Unit
from core.domain.terms import OrderTerms
from core.errors import RefusalCode, Refused
from core.ids import ClOrdId
from core.risk.engine import evaluate, refuse
from core.risk.facts import Facts
from core.risk.marketable import as_sent
from core.risk.parse import parse_draft
from tests.risk_builders import FACTS, INSTRUMENT, NOW, QUOTE
from ui.bridge import Bridge

AAPL_QUOTE = replace(QUOTE, bid=Price("189.41"), ask=Price("189.43"), last=Price("189.42"))
HELD = replace(
    FACTS,
    quote=AAPL_QUOTE,
    position_qty=Decimal(60),
    working_buy_qty=Decimal(20),
    cash=Decimal("49277.55"),
    reserved_cash=Decimal(3756),
    gross_exposure=Decimal("54614.00"),
    equity=Decimal("100135.25"),
)
ACTIVE = TradingStateRecord(TradingState.ACTIVE, "new profile", "desk", NOW)
HALTED = TradingStateRecord(TradingState.HALTED, "with Ctrl+Shift+H", "demo", NOW)
USES = (
    LimitUse("daily_loss", Decimal(0), Decimal(5), Unit.PERCENT, Decimal("5135.25")),
    LimitUse("gross_exposure", Decimal("54.6"), Decimal(80), Unit.PERCENT, Decimal(25386)),
    LimitUse("weight:AAPL", Decimal("18.9"), Decimal(20), Unit.PERCENT, Decimal(1057)),
    LimitUse("orders_today", Decimal(9), Decimal(500), Unit.COUNT, Decimal(491), Unit.COUNT),
    LimitUse("orders_per_minute", None, Decimal(60), Unit.COUNT, None, Unit.COUNT),
)
ACCOUNT = Account("SIM-1", Money(49_277), Money(45_521), Money(100_135), Money(100_000))
MARK = AccountMark(ACCOUNT, Decimal(100_135), Decimal(135), Decimal("0.14"), Decimal(45_521), USES)


def profile(mode: Mode = Mode.SIM, *, role: str = "trader", temporary: bool = False) -> ProfileFacts:
    broker = "simulator" if mode is Mode.SIM else "alpaca"
    return ProfileFacts("demo", mode, broker, "demo", role, temporary, "4821")


def snapshot(
    mode: Mode = Mode.SIM, *, state: TradingStateRecord = ACTIVE, temporary: bool = False, **changes: Any
) -> Snapshot:
    made = Snapshot(
        profile=profile(mode, temporary=temporary),
        instruments=(INSTRUMENT,),
        watchlists=(),
        settings={},
        orders=(),
        fills=(),
        positions=(),
        quotes=(AAPL_QUOTE,),
        marks=(),
        account=MARK,
        trading_state=state,
        session=FACTS.session,
        links={},
        audit=(),
        confirm_always=False,
    )
    return replace(made, **changes)


def order(terms: OrderTerms, cl_ord_id: str = "IQ-1", **changes: Any) -> Order:
    return replace(Order(ClOrdId(cl_ord_id), terms, NOW, NOW, acked=True), **changes)


class FakeDesk:
    """Judges by the real rules. Previews are answered at once, all else when the test says so."""

    def __init__(self) -> None:
        self.facts: Facts = HELD
        self.limits = Limits()
        self.sent: list[Command[Any]] = []
        self.previews: list[PreviewOrder] = []
        self.preview_error: Exception | None = None
        self.holds_previews = False
        self._open: list[Future[Any]] = []
        self.bridge = Bridge(self._take)

    def _take(self, command: Command[Any]) -> Future[Any]:
        answer: Future[Any] = Future()
        if not isinstance(command, PreviewOrder):
            self.sent.append(command)
            self._open.append(answer)
            return answer
        self.previews.append(command)
        if self.preview_error is not None:
            answer.set_exception(self.preview_error)
        elif not self.holds_previews:
            answer.set_result(self.judge(command))
        return answer

    def judge(self, command: PreviewOrder) -> Preview:
        terms = parse_draft(command.draft, self.facts.quote)
        if not isinstance(terms, OrderTerms):
            return Preview(command.draft, refuse(terms), None)
        known = self.facts if terms.symbol == INSTRUMENT.symbol else replace(self.facts, instrument=None)
        known = replace(known, asked=terms)
        sent = as_sent(terms, self.limits, known)
        return Preview(command.draft, evaluate(sent, self.limits, known), known.quote, sent)

    @property
    def orders(self) -> list[SubmitOrder]:
        """What was sent as orders."""
        return [each for each in self.sent if isinstance(each, SubmitOrder)]

    def answer(self, result: object) -> None:
        """Answer the oldest command that waits."""
        self._open.pop(0).set_result(result)

    def fail(self, error: Exception) -> None:
        """Let the oldest command that waits fail."""
        self._open.pop(0).set_exception(error)

    def decide(self) -> None:
        """Answer the oldest order as the desk would: by the rules."""
        command = self.orders[-1]
        verdict = self.judge(PreviewOrder(command.draft)).verdict
        if verdict.is_refused:
            self.fail(Refused(RefusalCode.RISK, verdict.breaches[0].text, cause=verdict))
        elif any(
            each.outcome is Outcome.SOFT and each.code not in command.acknowledged for each in verdict.results
        ):
            self.fail(Refused(RefusalCode.NEEDS_ACKNOWLEDGEMENT, verdict.breaches[0].text, cause=verdict))
        else:
            terms = parse_draft(command.draft, self.facts.quote)
            assert isinstance(terms, OrderTerms)
            self.answer(Submitted(order(terms), verdict))

    def move_market(self, quote: Quote) -> None:
        """Bring a quote up, through the bridge's own lane."""
        self.facts = replace(self.facts, quote=quote)
        self.bridge.publish(QuotesChanged((quote,)))
        self.bridge.take_frame()

    def tell(self, event: OrderChanged | TradingStateChanged | Any) -> None:
        """Bring an event up that must not be lost."""
        self.bridge.publish(event)
