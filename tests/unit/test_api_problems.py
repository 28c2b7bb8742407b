"""Refusals as statuses: each code has one, and each answer says what a client needs to go on."""

import pytest
from aiohttp import web

from core.api.problems import STATUS, problem_of
from core.domain.risk import Outcome, RuleCode, RuleResult, Verdict
from core.errors import (
    BrokerUnavailable,
    InvariantBroken,
    OutcomeUnknown,
    RefusalCode,
    Refused,
    StorageUnwritable,
)

SPOKEN = {400, 401, 403, 404, 409, 422, 423, 429, 503}


def test_every_refusal_code_has_a_status():
    assert set(STATUS) == set(RefusalCode)
    assert set(STATUS.values()) <= SPOKEN


@pytest.mark.parametrize("code", list(RefusalCode))
def test_a_refusal_keeps_its_code_words_and_details(code):
    problem = problem_of(Refused(code, "words", {"name": "value"}))

    assert (problem.status, problem.code, problem.message) == (STATUS[code], code.value, "words")
    assert problem.details == {"name": "value"}


@pytest.mark.parametrize(("wait", "told"), [("0.5", "1"), ("0.0", "1"), ("1.0", "1"), ("59.2", "60")])
def test_a_throttled_request_is_told_whole_seconds_rounded_up(wait, told):
    problem = problem_of(Refused(RefusalCode.THROTTLED, "slow", {"retry_after_s": wait}))

    assert problem.headers == {"Retry-After": told}


@pytest.mark.parametrize(
    ("outcome", "status", "code"), [(Outcome.HARD, 423, "halted"), (Outcome.PASS, 422, "risk")]
)
def test_a_hard_refusal_by_the_trading_state_is_locked(outcome, status, code):
    state = RuleResult(RuleCode.TRADING_STATE, outcome, "Trading is halted.")
    verdict = Verdict((state, RuleResult(RuleCode.TICK, Outcome.HARD, "off the tick")))

    problem = problem_of(Refused(RefusalCode.RISK, "no", cause=verdict))

    assert (problem.status, problem.code) == (status, code)
    assert "tick" in problem.details["rules"]
    assert problem.details["verdict"]["refused"] is True


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StorageUnwritable("full"), 503, "storage_unavailable"),
        (BrokerUnavailable("gone"), 503, "broker_unavailable"),
        (OutcomeUnknown("timeout"), 504, "outcome_unknown"),
        (web.HTTPRequestTimeout(text="slow"), 408, "request_timeout"),
        (web.RequestPayloadError(), 400, "malformed"),
        (web.HTTPUnauthorized(text="who"), 401, "unauthorized"),
        (web.HTTPNotFound(), 404, "not_found"),
        (web.HTTPRequestEntityTooLarge(1, 2), 413, "too_large"),
        (InvariantBroken("bug"), 500, "internal"),
    ],
)
def test_an_error_of_another_kind_has_a_status_of_its_own(error, status, code):
    problem = problem_of(error)

    assert (problem.status, problem.code) == (status, code)
    assert problem.message


def test_a_wrong_method_is_told_the_right_ones():
    problem = problem_of(web.HTTPMethodNotAllowed("PUT", ["GET", "POST"]))

    assert problem.headers == {"Allow": "GET,POST"}


def test_an_error_that_nobody_foresaw_is_no_problem_with_a_name():
    assert problem_of(ValueError("oops")) is None
