"""From text to numbers, or to a sentence beside the field."""

from decimal import Decimal

import pytest

from core.domain.risk import Outcome, RuleCode, TicketField
from core.domain.terms import OrderDraft, OrderTerms, OrdType, Side, TimeInForce
from core.risk.engine import refuse
from core.risk.parse import parse_draft


def draft(qty="10", price="100.00", stop_px="", symbol="AAPL", ord_type=OrdType.LIMIT):
    return OrderDraft(symbol, Side.BUY, ord_type, TimeInForce.DAY, qty, price, stop_px)


def only_fault(found):
    assert isinstance(found, tuple)
    assert len(found) == 1
    assert (found[0].code, found[0].outcome) == (RuleCode.NUMBERS, Outcome.HARD)
    return found[0]


@pytest.mark.parametrize(
    ("typed", "exact"),
    [
        ("10", "10"),
        (" 10 ", "10"),
        ("+10", "10"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("10.", "10"),
        ("0.123456789", "0.123456789"),
        ("1.0000000000000", "1"),
        ("1000000000", "1000000000"),
    ],
)
def test_quantity_plain_decimal_is_read_exactly(typed, exact):
    terms = parse_draft(draft(qty=typed))

    assert isinstance(terms, OrderTerms)
    assert terms.order_qty == Decimal(exact)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "needs a quantity"),
        ("   ", "needs a quantity"),
        ("ten", "not a number"),
        ("NaN", "not a number"),
        ("sNaN", "not a number"),
        ("Infinity", "not a number"),
        ("-inf", "not a number"),
        ("1_000", "not a number"),
        ("0x10", "not a number"),
        ("٣", "not a number"),
        ("1 000", "not a number"),
        ("1.2.3", "not a number"),
        (".", "not a number"),
        ("a\nb", "“a?b”"),
        ("1,000", "without commas: 1000."),
        ("1,234,567.5", "without commas: 1234567.5."),
        ("12,5", "with a point for decimals"),
        ("1e308", "without a power of ten"),
        ("1E3", "without a power of ten"),
        ("0", "above zero"),
        ("0.000", "above zero"),
        ("-0", "above zero"),
        ("-1", "above zero"),
        ("\N{MINUS SIGN}1", "above zero"),
        ("1000000000.1", "beyond any order"),
        ("9" * 40, "beyond any order"),
        ("9" * 41, "too long"),
        ("0.1234567891", "at most 9 decimals"),
        ("x" * 30, "…”"),
    ],
)
def test_quantity_unsound_is_refused_beside_its_field(typed, words):
    fault = only_fault(parse_draft(draft(qty=typed)))

    assert fault.field is TicketField.ORDER_QTY
    assert words in fault.text


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "A limit order needs a limit price."),
        ("0", "must be above zero"),
        ("-1", "must be above zero"),
        ("NaN", "not a number"),
        ("1e308", "power of ten"),
        ("10000000.01", "beyond any price"),
        ("1,000.50", "1000.50."),
        ("1.0000000000001", "at most 12 decimals"),
    ],
)
def test_price_unsound_is_refused_beside_its_field(typed, words):
    fault = only_fault(parse_draft(draft(price=typed)))

    assert fault.field is TicketField.PRICE
    assert words in fault.text


@pytest.mark.parametrize(
    ("ord_type", "price", "stop_px", "fields"),
    [
        (OrdType.MARKET, "", "", []),
        (OrdType.MARKET, "1", "", [TicketField.PRICE]),
        (OrdType.MARKET, "", "1", [TicketField.STOP_PX]),
        (OrdType.MARKET, "x", "y", [TicketField.PRICE, TicketField.STOP_PX]),
        (OrdType.LIMIT, "1", "", []),
        (OrdType.LIMIT, "1", "1", [TicketField.STOP_PX]),
        (OrdType.STOP, "", "1", []),
        (OrdType.STOP, "1", "1", [TicketField.PRICE]),
        (OrdType.STOP, "", "", [TicketField.STOP_PX]),
        (OrdType.STOP_LIMIT, "1", "1", []),
        (OrdType.STOP_LIMIT, "", "", [TicketField.PRICE, TicketField.STOP_PX]),
    ],
)
def test_prices_must_be_those_of_the_type(ord_type, price, stop_px, fields):
    found = parse_draft(draft(price=price, stop_px=stop_px, ord_type=ord_type))

    assert ([fault.field for fault in found] if isinstance(found, tuple) else []) == fields


@pytest.mark.parametrize(("typed", "read"), [(" aapl ", "AAPL"), ("brk.b", "BRK.B"), ("BF-B", "BF-B")])
def test_symbol_is_trimmed_and_upper_cased(typed, read):
    terms = parse_draft(draft(symbol=typed))

    assert isinstance(terms, OrderTerms)
    assert terms.symbol == read


@pytest.mark.parametrize("typed", ["", "  ", "<b>AAPL</b>", "A" * 13, "AA PL", "1AAPL", "A;DROP", "ÄÖ", "A."])
def test_symbol_unreadable_is_refused_beside_its_field(typed):
    fault = only_fault(parse_draft(draft(symbol=typed)))

    assert fault.field is TicketField.SYMBOL


def test_draft_with_several_faults_names_them_all():
    found = parse_draft(draft(symbol="", qty="x", price="y"))

    assert isinstance(found, tuple)
    assert [fault.field for fault in found] == [TicketField.SYMBOL, TicketField.ORDER_QTY, TicketField.PRICE]


def test_verdict_on_an_unreadable_draft_is_a_refusal():
    found = parse_draft(draft(qty="0"))

    verdict = refuse(found)

    assert verdict.is_refused
    assert verdict.breaches == found
