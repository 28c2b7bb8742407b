"""What is asked before an order leaves, and the answer, bound to that order alone."""

from dataclasses import dataclass

from core.domain.access import Mode
from core.domain.market import Quote
from core.domain.risk import Verdict
from core.domain.terms import OrderTerms


@dataclass(frozen=True, slots=True)
class ConfirmationRequest:
    """Exactly what will be sent, and all that is known about it.

    Attributes:
        digest: hex SHA-256 of the order's canonical text and the account; the answer carries it back.
        account: the account's short name for people.
        quote: the market at the time of asking; None if unknown.
        ttl_s: seconds that a "yes" may take.
        needs_typed_qty: a soft rule was breached, so the quantity must be typed again.
        phrase: a sentence that must be typed, once for a profile with real money; empty where none is due.
    """

    digest: str
    mode: Mode
    account: str
    terms: OrderTerms
    verdict: Verdict
    quote: Quote | None
    ttl_s: float
    needs_typed_qty: bool
    phrase: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmationReply:
    """The person's answer.

    Attributes:
        digest: of the order that was on the sheet.
        accepted: only an explicit act makes it true.
        typed: the sentence that was typed, where one was asked for.
    """

    digest: str
    accepted: bool
    typed: str = ""
