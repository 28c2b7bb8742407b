"""Money that moved at Alpaca without a trade, row by row."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.adapters.alpaca.fields import FieldUnreadableError, Row
from core.adapters.alpaca.flows import read_flow


def row(kind: str = "CSD", amount: object = "100.00", **changes: object) -> Row:
    usual = {
        "id": "20261120000000000::a", "activity_type": kind, "date": "2026-11-20", "net_amount": amount,
        "description": "", "status": "executed",
    }  # fmt: skip
    return Row("activity", usual | changes)


@pytest.mark.parametrize(
    ("kind", "amount", "word", "external"),
    [
        ("CSD", "100.00", "deposit", True),
        ("CSW", "-100.00", "withdrawal", True),
        ("JNLC", "-5", "withdrawal", True),
        ("ACATC", "7", "deposit", True),
        ("DIV", "1.20", "dividend", False),
        ("DIVNRA", "-0.30", "dividend", False),
        ("FEE", "-0.02", "fee", False),
        ("INT", "3", "interest", False),
        ("SOMETHING NEW", "3", "other", False),
    ],
)
def test_a_row_becomes_a_flow_in_our_words(kind: str, amount: str, word: str, external: bool) -> None:
    flow = read_flow(row(kind, amount))

    assert flow is not None
    assert (flow.kind, flow.external, flow.amount) == (word, external, Decimal(amount))
    assert flow.at == datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize("changes", [{"net_amount": "0"}, {"net_amount": None}, {"status": "canceled"}])
def test_a_row_without_money_is_no_flow(changes: dict[str, object]) -> None:
    assert read_flow(row(**changes)) is None


@pytest.mark.parametrize("changes", [{"date": "yesterday"}, {"net_amount": "much"}])
def test_a_row_that_cannot_be_read_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(FieldUnreadableError):
        read_flow(row(**changes))
