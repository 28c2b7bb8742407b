"""Alpaca's words and ours. A word that is not here is kept as text, logged once and treated as working."""

from enum import StrEnum
from typing import TypeVar

import structlog

from core.domain.execution import ExecType
from core.domain.terms import OrdStatus, OrdType, Side, TimeInForce

E = TypeVar("E", bound=StrEnum)

_S = OrdStatus
STATUSES: dict[str, OrdStatus] = {
    "new": _S.NEW,
    "accepted": _S.NEW,
    "pending_new": _S.NEW,  # it has it, which is all that we say of an order that is acknowledged
    "accepted_for_bidding": _S.NEW,
    "partially_filled": _S.PARTIALLY_FILLED,
    "filled": _S.FILLED,
    "held": _S.SUSPENDED,
    "suspended": _S.SUSPENDED,
    "pending_cancel": _S.PENDING_CANCEL,
    "pending_replace": _S.PENDING_REPLACE,
    "done_for_day": _S.DONE_FOR_DAY,
    "canceled": _S.CANCELED,
    "expired": _S.EXPIRED,
    "rejected": _S.REJECTED,
    "replaced": _S.REPLACED,
}
# Of these an order cannot be replaced (specification of PATCH /v2/orders, and the reference notes on it).
NOT_REPLACEABLE = frozenset({"accepted", "pending_new", "pending_cancel", "pending_replace", "held"})

# Rare, and neither ended nor plainly at work: shown with their word.
_NAMED_ONLY = frozenset({"stopped", "calculated", "pending_review"})

ENDINGS: dict[str, ExecType] = {
    "canceled": ExecType.CANCELED,
    "expired": ExecType.EXPIRED,
    "rejected": ExecType.REJECTED,
    "replaced": ExecType.REPLACED,
}
ACCEPTED = frozenset({"new", "accepted", "pending_new"})
FILLS = frozenset({"fill", "partial_fill"})
REFUSED_REQUESTS: dict[str, ExecType] = {
    "order_cancel_rejected": ExecType.CANCEL_REJECTED,
    "order_replace_rejected": ExecType.REPLACE_REJECTED,
}
BUST, CORRECT = "trade_bust", "trade_correct"
_STATES_ONLY = frozenset(
    {
        "pending_cancel",
        "pending_replace",
        "held",
        "done_for_day",
        "stopped",
        "suspended",
        "calculated",
        "restated",
    }
)
EVENTS = frozenset({*ENDINGS, *ACCEPTED, *FILLS, *REFUSED_REQUESTS, BUST, CORRECT, *_STATES_ONLY})

TYPES: dict[str, OrdType] = {each.value: each for each in OrdType}
TIMES: dict[str, TimeInForce] = {each.value: each for each in TimeInForce}
SIDES: dict[str, Side] = {each.value: each for each in Side}

_log = structlog.get_logger("alpaca.words")


class Vocabulary:
    """Remembers which unknown words were met, so that each is logged once."""

    def __init__(self) -> None:
        self._met: set[tuple[str, str]] = set()

    def unknown(self, kind: str, word: str) -> None:
        """Note a word that Alpaca did not have when this was written."""
        if (kind, word) in self._met or len(self._met) >= 1_000:
            return
        self._met.add((kind, word))
        _log.warning("word.unknown", kind=kind, word=word[:40])

    def status(self, word: str, *, is_partly_filled: bool) -> tuple[OrdStatus, str]:
        """Return the state that a status stands for, and its text where the state does not say it all."""
        known = STATUSES.get(word)
        if known is not None:
            is_going = known is OrdStatus.NEW and is_partly_filled
            return (OrdStatus.PARTIALLY_FILLED if is_going else known), ""
        if word not in _NAMED_ONLY:
            self.unknown("order status", word)
        return (OrdStatus.PARTIALLY_FILLED if is_partly_filled else OrdStatus.NEW), word

    def word(self, kind: str, word: str, table: dict[str, E], otherwise: E) -> tuple[E, str]:
        """Return what a word stands for, and its text where it is unknown."""
        known = table.get(word)
        if known is None:
            self.unknown(kind, word)
            return otherwise, f"{kind} {word}"
        return known, ""
