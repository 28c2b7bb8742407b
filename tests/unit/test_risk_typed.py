"""What becomes of what a person types, an order or a limit, to the word, beside a file.

The file is what a person reads in the ticket and in the risk panel, so a change of it is read in a review.
After one that is meant: `make golden`.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.access import Actor, Origin
from core.domain.limit_kinds import KINDS, Looser
from core.domain.limits import Limits
from core.domain.market import Quote
from core.domain.money import Price, Qty
from core.domain.parameters import ParameterChange, ParameterEdit, Scope
from core.domain.risk import RuleResult
from core.domain.terms import Contingency, OrderDraft, OrdType, Side, TimeInForce
from core.errors import Refused
from core.risk.parameters import Parameters, decide, first_changes, fold, in_force
from core.risk.parse import parse_draft
from tests.builders import AAPL, NOON
from tests.fakes.record import brief, lay_beside

FILE = Path(__file__).with_name("risk_typed.txt")
KIM = Actor("kim", "admin", Origin.WINDOW, "s")
NUMBERS = (
    "", "  ", "10", " +1.50 ", "-1", "\N{MINUS SIGN}2", "0", "1,000", "1,234.5", "12,5", "1e3", "ten", ".",
    "9" * 40, "9" * 41, "x" * 20, "x" * 21, "a\tb",
    "0.123456789", "0.1234567891", "0.123456789012", "0.1234567890123",
)  # fmt: skip
SYMBOLS = (
    "", " ", "aapl ", "BRK.B", "BRK/A", "A-1", "ABCDEFGHIJKL", "ABCDEFGHIJKLM", "1A", "A..B", "A B",
    "\N{BULLET}",
)  # fmt: skip
PLAIN = OrderDraft(AAPL, Side.BUY, OrdType.LIMIT, TimeInForce.DAY, "10", "100.00")
OF_TYPE = {
    "order_qty": PLAIN,
    "price": PLAIN,
    "stop_px": replace(PLAIN, ord_type=OrdType.STOP_LIMIT),
    "trail_px": replace(PLAIN, ord_type=OrdType.TRAILING_STOP, price=""),
    "trail_pct": replace(PLAIN, ord_type=OrdType.TRAILING_STOP, price=""),
    "cash_order_qty": replace(PLAIN, order_qty=""),
    "take_profit": replace(PLAIN, contingency=Contingency.BRACKET, stop_loss="95", stop_loss_limit="94"),
    "stop_loss": replace(PLAIN, contingency=Contingency.BRACKET, take_profit="110"),
    "stop_loss_limit": replace(PLAIN, contingency=Contingency.OCO, stop_loss="95"),
}
WHOLE = (
    PLAIN,
    replace(PLAIN, side=Side.SELL, time_in_force=TimeInForce.GTC, extended_hours=True),
    replace(PLAIN, order_qty="", cash_order_qty="100", price="", ord_type=OrdType.MARKET),
    replace(PLAIN, order_qty="", cash_order_qty="100", price="", ord_type=OrdType.MARKET, side=Side.SELL),
    replace(PLAIN, order_qty="", cash_order_qty="0.0000000001"),
    replace(PLAIN, order_qty="", cash_order_qty="10000000", price="0.001"),
    replace(PLAIN, order_qty="", cash_order_qty="x", price="y"),
    replace(PLAIN, cash_order_qty="x"),
    replace(PLAIN, trail_px="1", trail_pct="1"),
    replace(PLAIN, trail_px="1", trail_pct="1", ord_type=OrdType.TRAILING_STOP, price=""),
    replace(PLAIN, contingency=Contingency.OCO, price="", stop_loss="95"),
    replace(PLAIN, contingency=Contingency.OCO, take_profit="111", stop_loss="95"),
    replace(PLAIN, contingency=Contingency.BRACKET, take_profit="111"),
    replace(PLAIN, take_profit="1", stop_loss="2", stop_loss_limit="3"),
    replace(PLAIN, symbol="", order_qty="", price="", stop_px="x", take_profit="y"),
)
QUOTE = Quote(
    AAPL, Price("100.00"), Price("100.03"), Qty(1), Qty(1), Price("100.01"), Price("99"), Qty(0),
    halted=False, time=NOON, received=0.0,
)  # fmt: skip


def drafts() -> Iterator[tuple[str, OrderDraft]]:
    for symbol in SYMBOLS:
        yield f"symbol {symbol!r}", replace(PLAIN, symbol=symbol)
    for name, draft in OF_TYPE.items():
        for typed in NUMBERS:
            yield f"{name} {typed!r}", replace(draft, **{name: typed})  # type: ignore[arg-type]
    for kind in OrdType:
        for price, stop in (("", ""), ("1", ""), ("", "2"), ("1", "2")):
            odd = replace(PLAIN, ord_type=kind, price=price, stop_px=stop)
            yield f"{kind.value} {price!r} {stop!r}", odd
    for number, whole in enumerate(WHOLE):
        yield f"whole {number}", whole


def finding(result: RuleResult) -> str:
    return f"{result.code.value} {result.outcome.value} [{result.field.value}]: {result.text}"


def read(name: str, draft: OrderDraft, quote: Quote | None) -> Iterator[str]:
    found = parse_draft(draft, quote)
    if not isinstance(found, tuple):
        yield f"{name}: {brief(found, NOON)}"
    else:
        yield from (f"{name}: {finding(each)}" for each in found)


def test_each_draft_is_read_or_refused_as_in_the_file(request: pytest.FixtureRequest) -> None:
    said = [line for name, draft in drafts() for line in read(name, draft, QUOTE)]
    said += [line for n, draft in enumerate(WHOLE) for line in read(f"without a quote {n}", draft, None)]

    lay_beside(request, FILE, "orders", said)


def decided(parameters: Parameters, *edits: ParameterEdit, reason: str = "calmer") -> list[str]:
    asked = ", ".join(f"{each.scope.value} {each.name} {each.value!r}" for each in edits)
    try:
        changes = decide(parameters, edits, reason, KIM, NOON)
    except Refused as refusal:
        facts = "".join(f", {name} {value}" for name, value in sorted(refusal.details.items()))
        return [f"{asked}: {refusal.code.value}: {refusal.message}{facts}"]
    return [f"{asked}: {len(changes)} changes", *(f"  {told(each)}" for each in changes)]


def told(change: ParameterChange) -> str:
    at, since = ((each - NOON).total_seconds() for each in (change.decided_at, change.effective_at))
    return (
        f"{change.scope.value} {change.name} {change.before!r} to {change.after!r} by {change.author}/"
        f"{change.role}, {change.reason!r}, {at:g} s, from {since:g} s"
    )


def edit(name: str, value: str, scope: Scope = Scope.ALL) -> ParameterEdit:
    return ParameterEdit(scope, name, value)


def asked() -> Iterator[tuple[ParameterEdit, ...]]:
    for kind in KINDS.values():
        values = (
            ("true", "false") if kind.looser in (Looser.ON, Looser.OFF) else ("0.5", "1", "7", "1000", "A, b")
        )
        for scope in Scope:
            for value in (*values, "-1", "x", ""):
                yield (edit(kind.name, value, scope),)
    yield ()
    yield edit("none", "1"), edit("per_day", "2")
    yield edit("per_day", "2"), edit("per_day", "3")
    yield edit("per_day", "2"), edit("per_day", "3", Scope.AGENT)
    yield edit("collar_soft_pct", "9"), edit("collar_hard_pct", "8")
    yield edit("collar_hard_pct", "2"), edit("collar_soft_pct", "1")
    yield edit("restricted", "A B C"), edit("allowed", "C B D")
    yield edit("allowed", "A"), edit("allowed", "A B", Scope.AGENT)


def test_each_change_of_a_limit_is_made_or_refused_as_in_the_file(request: pytest.FixtureRequest) -> None:
    usual = Parameters(Limits())
    said = [line for edits in asked() for line in decided(usual, *edits)]
    for reason in ("", "\t ", " a\nb ", "x" * 500, "x" * 501):
        said += decided(usual, edit("per_day", "300"), reason=reason)
    wish = decide(usual, (edit("collar_hard_pct", "20"), edit("per_day", "600")), "looser", KIM, NOON)
    waiting = fold(usual, wish)
    for edits in (
        (edit("per_day", "600"),), (edit("per_day", "500"),), (edit("per_day", "700"),),
        (edit("per_day", "300"),), (edit("collar_soft_pct", "15"),),
        (edit("collar_hard_pct", "10"), edit("collar_soft_pct", "9")),
    ):  # fmt: skip
        said += decided(waiting, *edits)
        said += [
            f"  waits {told(each)}" for each in fold(waiting, decide(waiting, edits, "x", KIM, NOON)).waiting
        ]
    later = in_force(wish, NOON + timedelta(seconds=60))
    said += [told(each) for each in later]
    held = fold(waiting, later)
    said += [f"{held.everybody.per_day} {held.everybody.collar_hard_pct} {held.agent.per_day} {held.waiting}"]
    said += [
        f"{held.agent_limits.per_day} {held.agent_limits.collar_hard_pct} {held.of(Scope.AGENT).per_day}"
    ]

    lay_beside(request, FILE, "limits", said)


def test_what_a_new_book_writes_down_is_as_in_the_file(request: pytest.FixtureRequest) -> None:
    usual = Parameters(Limits(), replace(Limits(), per_day=7, position_pct=Decimal("2.50")))
    said = [told(each) for each in first_changes(usual, (), NOON)]
    left = first_changes(usual, [(Scope.ALL, each) for each in KINDS], NOON)
    said += [f"left {each.scope.value} {each.name}" for each in left]

    lay_beside(request, FILE, "first", said)
