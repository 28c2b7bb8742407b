"""Money that moved at Alpaca without a trade: the rows of its activities in our words."""

from datetime import UTC, date, datetime, time

from core.adapters.alpaca.fields import FieldUnreadableError, Row
from core.adapters.calendar import NEW_YORK
from core.domain.money import Money, Qty
from core.domain.outcomes import CashFlow
from core.domain.portfolio import ShareMove
from core.ids import Symbol

# Cash that the owner moves: by bank, by a journal between accounts, by a transfer from another broker.
_MOVES = frozenset({"CSD", "CSW", "CSR", "JNLC", "ACATC", "TRANS"})
_KINDS = {"FEE": "fee", "CFEE": "fee", "PTC": "fee", "INT": "interest"}
_TAKEN_BACK = "canceled"
_SHARES = {
    "NC": "a change of the symbol",
    "SC": "a change of the symbol",
}


def read_flow(row: Row) -> CashFlow | None:
    """Read one row; None where no money moved, or where the row was taken back.

    Alpaca tells the date only, which counts from its first moment in New York.
    """
    amount = row.number_or("net_amount", Money)
    if not amount or row.word_or("status") == _TAKEN_BACK:
        return None
    word = row.word_or("activity_type")
    try:
        midnight = datetime.combine(date.fromisoformat(row.word("date")), time(), NEW_YORK)
    except ValueError as error:
        raise FieldUnreadableError("activity", "a date", row.get("date")) from error
    return CashFlow(
        activity_id=row.word("id"),
        kind=_kind(word, amount),
        external=word in _MOVES,
        amount=amount,
        symbol=row.word_or("symbol"),
        at=midnight.astimezone(UTC),
    )


def read_move(row: Row) -> ShareMove | None:
    """Read one row; None where no shares moved, where it was taken back, or where it does not say how many.

    For a changed symbol there are two, minus of the old one and plus of the new (Alpaca's questions and
    answers on corporate actions).
    """
    words = _SHARES.get(row.word_or("activity_type"))
    if words is None or row.word_or("status") == _TAKEN_BACK:
        return None
    try:
        day = date.fromisoformat(row.word("date"))
        moved = ShareMove(row.word("id"), Symbol(row.word("symbol")), row.number("qty", Qty), day, words)
    except (FieldUnreadableError, ValueError):
        return None  # then it proves nothing, and the position that differs is told as such
    return moved if moved.qty else None


def _kind(word: str, amount: Money) -> str:
    if word in _MOVES:
        return "deposit" if amount > 0 else "withdrawal"
    return "dividend" if word.startswith("DIV") else _KINDS.get(word, "other")
