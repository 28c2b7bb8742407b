"""Proposals through the local API: a program proposes, a person with a key decides, by the agent's limits."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.domain.limits import Limits
from tests.builders import AAPL
from tests.fakes.local_api import LocalApi

ORDER = {"symbol": "AAPL", "side": "buy", "ord_type": "market", "order_qty": "2"}
BODY: dict[str, Any] = {"order": ORDER, "source": "momentum", "thesis": "it rises"}


@pytest.fixture
async def api(tmp_path: Path):
    made = await LocalApi.open(tmp_path, limits=Limits(burst=100))
    state = made.rig.core.state
    state.agent_limits = replace(state.agent_limits, allowed=frozenset({AAPL}))
    yield made
    await made.close()


async def propose(api: LocalApi) -> str:
    made = await api.ask("POST", "/v1/proposals", BODY, role="trader")
    assert made.status == 201, made.body
    found: str = made.body["proposal"]["proposal_id"]
    return found


async def review(api: LocalApi, proposal_id: str, decision: str = "approve", role: str = "trader"):
    body = {"decision": decision, "reason": "agreed"}
    return await api.ask("POST", f"/v1/proposals/{proposal_id}/review", body, role=role)


async def test_a_proposal_is_listed_and_sends_nothing(api: LocalApi) -> None:
    proposal_id = await propose(api)

    (found,) = (await api.get("/v1/proposals")).body["proposals"]

    assert (found["proposal_id"], found["state"], found["source"]) == (proposal_id, "pending", "momentum")
    assert (found["order"]["symbol"], found["order"]["order_qty"]) == ("AAPL", "2")
    assert (await api.get("/v1/orders")).body["orders"] == []


async def test_an_approval_answers_with_its_order(api: LocalApi) -> None:
    done = await review(api, await propose(api))

    assert done.status == 200
    assert done.body["proposal"]["state"] == "approved"
    assert done.body["order"]["cl_ord_id"] == done.body["proposal"]["cl_ord_id"]


async def test_a_rejection_has_no_order_and_is_final(api: LocalApi) -> None:
    proposal_id = await propose(api)
    done = await review(api, proposal_id, "reject")

    again = await review(api, proposal_id)

    assert (done.body["proposal"]["state"], done.body["order"]) == ("rejected", None)
    assert (again.status, again.body["error"]["code"]) == (409, "proposal_decided")


async def test_a_viewer_sees_proposals_and_decides_nothing(api: LocalApi) -> None:
    proposal_id = await propose(api)

    assert (await review(api, proposal_id, role="viewer")).status == 403
    assert (await api.ask("POST", "/v1/proposals", BODY, role="viewer")).status == 403
    assert (await api.get("/v1/proposals")).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"order": ORDER, "source": "a"}, "thesis"),
        ({"order": ORDER, "source": "", "thesis": "b"}, "source"),
        ({"order": {**ORDER, "side": "hold"}, "source": "a", "thesis": "b"}, "order.side"),
        ({"order": {**ORDER, "order_qty": 2}, "source": "a", "thesis": "b"}, "order.order_qty"),
    ],
)
async def test_a_malformed_proposal_names_its_field(api: LocalApi, body: dict[str, Any], field: str) -> None:
    found = await api.ask("POST", "/v1/proposals", body, role="trader")

    assert (found.status, found.body["error"]["details"]["field"]) == (400, field)


async def test_a_decision_is_one_of_two_words(api: LocalApi) -> None:
    found = await review(api, await propose(api), "maybe")

    assert found.status == 400
    assert "approve, reject" in found.body["error"]["message"]


async def test_what_the_agents_rules_refuse_is_answered_with_the_verdict(api: LocalApi) -> None:
    body = {**BODY, "order": {**ORDER, "order_qty": "600"}}

    found = await api.ask("POST", "/v1/proposals", body, role="trader")

    assert found.status == 422
    assert "order_qty" in found.body["error"]["details"]["rules"]
