"""The risk desk through the local API: who may, what is refused by name, and what it never touches."""

from pathlib import Path
from typing import Any

import pytest

from core.domain.limit_kinds import AGENTS, KINDS
from core.domain.limits import Limits
from core.domain.parameters import RadarAxis
from core.errors import StorageUnwritable
from core.risk.parameters import COOL_OFF_S
from tests.builders import AAPL
from tests.fakes.daily_feed import DailyFeed, daily_bars, walk
from tests.fakes.local_api import LocalApi, Reply, limit


@pytest.fixture
async def api(tmp_path: Path):
    made = await LocalApi.open(tmp_path, limits=Limits())
    yield made
    await made.close()


async def put(api: LocalApi, path: str, body: Any, role: str = "admin") -> Reply:
    return await api.ask("PUT", f"/v1/risk/{path}", body, role=role)


async def names(api: LocalApi) -> dict[str, dict[str, Any]]:
    found = (await api.get("/v1/risk/parameters")).body
    return {each["name"]: each for each in found["parameters"]}


async def test_risk_tells_both_limits_the_room_left_and_the_breakers(api: LocalApi) -> None:
    found = (await api.get("/v1/risk")).body

    assert (found["limits"]["gross_pct"], found["agent_limits"]["gross_pct"]) == ("100", "30")
    assert found["agent_limits"]["allowed"] == []
    uses = {each["name"]: each for each in found["uses"]}
    assert uses["gross_exposure"]["room"] == "100000"
    breakers = {each["name"]: each for each in found["breakers"]}
    assert breakers["daily_loss"]["state"] == "ARMED"
    assert breakers["daily_loss"]["limit"] == "5"


async def test_risk_is_answered_while_the_database_is_stuck(api: LocalApi) -> None:
    async def stuck(query: Any) -> Any:
        raise StorageUnwritable("the disk is gone")

    read, api.rig.store.read = api.rig.store.read, stuck

    found = await api.get("/v1/risk")

    api.rig.store.read = read
    assert (found.status, found.body["trading_state"]) == (200, "ACTIVE")


async def test_parameters_are_listed_whole_with_bounds_and_direction(api: LocalApi) -> None:
    found = await names(api)

    assert list(found) == list(KINDS)
    assert found["gross_pct"] == {
        "name": "gross_pct",
        "means": "percent of the day's first equity that all positions may come to together",
        "unit": "percent",
        "allowed": "a number from 0.01 to 400",
        "loosens": "higher",
        "all": "100",
        "agent": "30",
        "agent_in_force": "30",
    }
    assert {name for name, each in found.items() if each["agent"] is not None} == AGENTS
    assert (found["allowed"]["all"], found["allowed"]["agent"]) == ("*", "-")


async def test_an_administrator_changes_parameters_at_once_and_after_the_wait(api: LocalApi) -> None:
    body = {"reason": "calmer", "all": {"position_pct": "10", "gross_pct": "120"}, "agent": {"per_day": "40"}}

    answer = await put(api, "parameters", body)

    assert answer.status == 200
    assert [(each["scope"], each["name"], each["after"]) for each in answer.body["pending"]] == [
        ("all", "gross_pct", "120")
    ]
    assert [(each["name"], each["before"], each["reason"]) for each in answer.body["history"]] == [
        ("per_day", "50", "calmer"),
        ("gross_pct", "100", "calmer"),
        ("position_pct", "20", "calmer"),
    ]
    found = await names(api)
    assert (found["position_pct"]["all"], found["gross_pct"]["all"]) == ("10", "100")
    assert found["per_day"]["agent_in_force"] == "40"
    await api.rig.wait(COOL_OFF_S + 2)
    after = await names(api)
    assert after["gross_pct"]["all"] == "120"
    assert (await api.get("/v1/risk/parameters")).body["pending"] == []


@pytest.mark.parametrize(("values", "field"), [
    ({"all": {"gross_pct": "-5"}}, "gross_pct"),
    ({"all": {"position_pct": "100.5"}}, "position_pct"),
    ({"all": {"collar_soft_pct": "50"}}, "collar_soft_pct"),
    ({"all": {"gross_pct": "nan"}}, "gross_pct"),
    ({"all": {"gross_pct": "1e308"}}, "gross_pct"),
    ({"all": {"gross_pct": 50}}, "gross_pct"),
    ({"all": {"gross_pct": None}}, "gross_pct"),
    ({"all": {"gross_pct": ["50"]}}, "gross_pct"),
    ({"all": {"strict": True}}, "strict"),
    ({"all": {"nonsense": "1"}}, "nonsense"),
    ({"agent": {"losing_streak": "1"}}, "losing_streak"),
    ({"all": {"gross_pct": "50"}, "agent": {"per_day": "x"}}, "per_day"),
    ({"all": {}}, "edits"),
    ({"everybody": {"gross_pct": "50"}}, "everybody"),
])  # fmt: skip
async def test_a_bad_parameter_is_refused_by_its_name_and_nothing_changes(
    api: LocalApi, values, field
) -> None:
    before = (await api.get("/v1/risk/parameters")).body

    refused = await put(api, "parameters", {"reason": "x", **values})

    assert (refused.status, refused.code) == (400, "malformed")
    assert refused.details["field"] == field
    assert (await api.get("/v1/risk/parameters")).body == before


@pytest.mark.parametrize("path", ["parameters", "target"])
@pytest.mark.parametrize("role", ["viewer", "trader"])
async def test_only_an_administrator_changes_parameters_and_target(
    api: LocalApi, path: str, role: str
) -> None:
    refused = await put(api, path, {"reason": "x"}, role)

    assert (refused.status, refused.code) == (403, "not_permitted")


async def test_a_change_without_a_reason_is_refused(api: LocalApi) -> None:
    for path, body in (("parameters", {"all": {"gross_pct": "50"}}), ("target", {"market": "1"})):
        refused = await put(api, path, body)

        assert (refused.status, refused.code, refused.details) == (400, "reason_missing", {"field": "reason"})


async def test_a_change_never_touches_the_trading_state(api: LocalApi) -> None:
    await api.post("/v1/halt", {"reason": "stop"})

    assert (await put(api, "parameters", {"reason": "x", "all": {"drawdown_pct": "5"}})).status == 200
    assert (await put(api, "target", {"reason": "x", "market": "1"})).status == 200

    found = (await api.get("/v1/risk")).body
    assert (found["trading_state"], found["reason"]) == ("HALTED", "stop")


async def test_what_was_tightened_is_what_an_order_meets_next(api: LocalApi) -> None:
    await put(api, "parameters", {"reason": "x", "all": {"notional_soft": "99", "notional_hard": "99"}})

    refused = await api.post("/v1/orders", limit("1", "100.02"))

    assert (refused.status, refused.code) == (422, "risk")
    assert refused.details["rules"] == ["order_notional"]


async def test_a_target_is_exact_and_what_is_not_named_stays(api: LocalApi) -> None:
    before = (await api.get("/v1/risk/target")).body

    answer = await put(api, "target", {"reason": "calmer", "market": "12.345", "event": "0"})

    assert before["author"] == "default"
    assert answer.status == 200
    assert answer.body == (await api.get("/v1/risk/target")).body
    assert (answer.body["market"], answer.body["event"], answer.body["volatility"]) == ("12.345", "0", "50")
    assert answer.body["reason"] == "calmer"
    assert answer.body["changed_at"].endswith("+00:00")


@pytest.mark.parametrize(("values", "field"), [
    ({"market": "101"}, "market"), ({"market": "-1"}, "market"), ({"market": "NaN"}, "market"),
    ({"market": 50}, "market"), ({"weather": "1"}, "weather"), ({}, "targets"),
])  # fmt: skip
async def test_a_bad_target_is_refused_by_its_axis(api: LocalApi, values, field) -> None:
    refused = await put(api, "target", {"reason": "x", **values})

    assert (refused.status, refused.code, refused.details["field"]) == (400, "malformed", field)


async def test_an_empty_portfolio_has_an_empty_radar(api: LocalApi) -> None:
    found = (await api.get("/v1/risk/radar")).body

    assert (found["empty"], found["axes"], found["overall"], found["level"]) == (True, [], None, None)


async def test_the_radar_of_a_symbol_tells_scores_inputs_and_what_is_missing(api: LocalApi) -> None:
    feed = api.rig.core.risk_desk.bars._feed = DailyFeed()
    feed.history[AAPL] = daily_bars(AAPL, walk(260, 1), api.rig.core.state.session.opens.date())

    found = (await api.get("/v1/risk/radar?symbol=aapl")).body

    axes = {each["axis"]: each for each in found["axes"]}
    assert list(axes) == [axis.value for axis in RadarAxis]
    assert (found["symbol"], found["empty"]) == ("AAPL", False)
    assert axes["market"]["score"] is None
    assert axes["market"]["missing"] == "SPY is not known here."
    assert axes["event"]["missing"] == "There is no source of an event calendar yet."
    assert axes["liquidity"]["target"] == "30"
    (volume, spread) = axes["liquidity"]["inputs"]
    assert (volume["name"], volume["value"], spread["missing"]) == ("average_volume", "1000000", "")
    assert found["known_weight_pct"] == "35"
    assert found["level"] in ("low", "moderate", "elevated", "high", "critical")


async def test_the_radar_of_a_symbol_that_is_unknown_is_not_found(api: LocalApi) -> None:
    refused = await api.get("/v1/risk/radar?symbol=NOPE")

    assert (refused.status, refused.code, refused.details) == (404, "unknown_symbol", {"field": "symbol"})
