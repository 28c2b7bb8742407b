"""What went wrong, as a status, a code and words; the one place that knows how the two lists go together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from core.api.facts import verdict_facts
from core.domain.risk import Outcome, RuleCode, Verdict
from core.errors import BrokerError, InvestIQError, OutcomeUnknown, RefusalCode, Refused, StorageError

STATUS: Mapping[RefusalCode, int] = {
    RefusalCode.NOT_PERMITTED: 403,
    RefusalCode.UNKNOWN_ROLE: 403,
    RefusalCode.MALFORMED: 400,
    RefusalCode.UNKNOWN_SYMBOL: 404,
    RefusalCode.UNKNOWN_ORDER: 404,
    RefusalCode.ORDER_NOT_OPEN: 409,
    RefusalCode.ORDER_BUSY: 409,
    RefusalCode.ORDER_NOT_UNKNOWN: 409,
    RefusalCode.STILL_ASKING: 409,
    RefusalCode.RISK: 422,
    RefusalCode.NEEDS_ACKNOWLEDGEMENT: 422,
    RefusalCode.THROTTLED: 429,
    RefusalCode.IDEMPOTENCY_CONFLICT: 409,
    RefusalCode.IN_FLIGHT: 409,
    RefusalCode.NOT_CONFIRMED: 403,  # a person said no
    RefusalCode.CONFIRMATION_EXPIRED: 409,
    RefusalCode.CONFIRMATION_STALE: 409,
    RefusalCode.NO_WINDOW: 423,
    RefusalCode.NO_POSITION: 404,
    RefusalCode.BROKER_REFUSED: 409,
    RefusalCode.HALTED: 423,
    RefusalCode.LOCKED: 423,
    RefusalCode.RECORD_UNWRITABLE: 503,
    RefusalCode.NOT_READY: 503,
    RefusalCode.REASON_MISSING: 400,
    RefusalCode.NAME_TAKEN: 409,
    RefusalCode.PROPOSAL_DECIDED: 409,
    RefusalCode.WEAK_PASSPHRASE: 400,
    RefusalCode.NOT_FOUND: 404,
}

# What HTTP itself refuses, before a command is made of it.
_HTTP: Mapping[int, tuple[str, str]] = {
    400: ("malformed", "This is not a request that can be read."),
    404: ("not_found", "There is no such call; it begins with /v1/ or is /health."),
    405: ("method_not_allowed", "This address does not take the method."),
    413: ("too_large", "A body has at most 64 KB."),
    417: ("malformed", "Expect: only 100-continue is understood."),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request was not done.

    Attributes:
        status: of HTTP.
        code: machine value, stable; a `RefusalCode` where the desk refused.
        message: what was expected, what was found; plain text.
        details: what is behind it, ready for JSON.
        headers: that go with the status.
    """

    status: int
    code: str
    message: str
    details: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_of(error: BaseException) -> Problem | None:
    """Name the problem behind an error; None for one that nobody foresaw."""
    match error:
        case Refused():
            return _refusal(error)
        case web.HTTPException():
            return _of_http(error)
        case web.RequestPayloadError():
            return Problem(400, "malformed", "The body could not be read to its end.")
        case OutcomeUnknown():
            words = f"Sent, and nobody can prove yet what became of it: {error}"
            return Problem(504, "outcome_unknown", words)
        case BrokerError():
            return Problem(503, "broker_unavailable", str(error))
        case StorageError():
            return Problem(503, "storage_unavailable", str(error))
        case InvestIQError():
            return Problem(500, "internal", str(error))
    return None


def _refusal(refusal: Refused) -> Problem:
    code, details = refusal.code, dict[str, object](refusal.details)
    verdict = refusal.cause
    if isinstance(verdict, Verdict):
        details |= {
            "rules": [result.code.value for result in verdict.breaches],
            "verdict": verdict_facts(verdict),
        }
        if code is RefusalCode.RISK and _is_halted(verdict):
            code = RefusalCode.HALTED
    headers = {}
    if code is RefusalCode.THROTTLED:
        wait_s = float(refusal.details.get("retry_after_s", "1"))
        headers["Retry-After"] = str(max(1, math.ceil(wait_s)))
    return Problem(STATUS[code], code.value, refusal.message, details, headers)


def _is_halted(verdict: Verdict) -> bool:
    return any(
        result.code is RuleCode.TRADING_STATE and result.outcome is Outcome.HARD for result in verdict.results
    )


def _of_http(error: web.HTTPException) -> Problem:
    code, words = _HTTP.get(error.status, ("", ""))
    headers = {
        name: error.headers[name]
        for name in ("Allow", "WWW-Authenticate", "Retry-After")
        if name in error.headers
    }
    return Problem(
        error.status,
        code or HTTPStatus(error.status).phrase.lower().replace(" ", "_"),
        words or error.text or error.reason,
        headers=headers,
    )
