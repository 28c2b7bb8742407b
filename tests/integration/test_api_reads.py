"""The local API: what it answers to questions, and how each part does."""

from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.messages import (
    Difference,
    DifferenceKind,
    LinkState,
    Part,
    Reconciled,
    ReconciliationRun,
    SaveWatchlist,
)
from core.domain.records import Watchlist
from tests.builders import AAPL, NOON, terms
from tests.fakes.local_api import LocalApi, limit
from tests.fakes.market import MSFT


@pytest.fixture
async def api(tmp_path: Path):
    made = await LocalApi.open(tmp_path)
    yield made
    await made.close()


async def buy(api: LocalApi, qty: str = "10") -> str:
    placed = await api.post("/v1/orders", limit(qty))
    await api.rig.quiet()
    return placed.body["order"]["cl_ord_id"]


async def test_health_names_every_part_with_state_and_age(api: LocalApi) -> None:
    await api.rig.wait(3)

    found = await api.get("/health")

    assert (found.status, found.body["status"]) == (200, "ok")
    assert set(found.body["parts"]) == {"database", "broker", "orders", "feed", "audit"}
    assert {part["state"] for part in found.body["parts"].values()} == {"up"}
    assert all(part["age_s"] >= 0 for part in found.body["parts"].values())
    assert found.body["parts"]["database"]["age_s"] >= 3


@pytest.mark.parametrize(
    ("part", "state", "status", "code"),
    [
        (Part.FEED, LinkState.DOWN, "degraded", 200),
        (Part.FEED, LinkState.SLOW, "degraded", 200),
        (Part.BROKER, LinkState.CONNECTING, "degraded", 200),
        (Part.ORDERS, LinkState.SLOW, "degraded", 200),
        (Part.BROKER, LinkState.DOWN, "down", 503),
        (Part.ORDERS, LinkState.DOWN, "down", 503),
        (Part.DATABASE, LinkState.DOWN, "down", 503),
        (Part.AUDIT, LinkState.DOWN, "down", 503),
    ],
)
async def test_health_is_degraded_by_a_vendor_and_down_by_what_is_vital(
    api: LocalApi, part: Part, state: LinkState, status: str, code: int
) -> None:
    api.rig.core.links.show(part, state, "gone")

    found = await api.get("/health")

    assert (found.status, found.body["status"]) == (code, status)
    assert found.body["parts"][part.value]["text"] == "gone"


async def test_health_answers_while_the_database_does_not(api: LocalApi) -> None:
    api.rig.store.read = None  # whoever asks it now fails

    found = await api.get("/health")

    assert found.status == 200
    del api.rig.store.read


async def test_account_tells_money_as_text(api: LocalApi) -> None:
    found = (await api.get("/v1/account")).body

    assert (found["cash"], found["equity"], found["buying_power"]) == ("100000", "100000", "100000")
    assert (found["mode"], found["broker"], found["trading_state"]) == ("sim", "simulator", "ACTIVE")
    assert found["session"] == "regular"
    assert found["age_s"] >= 0


async def test_account_is_null_where_nothing_is_known(api: LocalApi) -> None:
    api.rig.core.state.account._account = None
    api.rig.core.state.session = None

    found = (await api.get("/v1/account")).body

    for name in (
        "cash",
        "equity",
        "start_equity",
        "buying_power",
        "day_pnl",
        "day_pnl_pct",
        "age_s",
        "session",
    ):
        assert found[name] is None, name


async def test_position_is_told_with_its_stop_coverage(api: LocalApi) -> None:
    await buy(api)
    stop = {"symbol": "AAPL", "side": "sell", "ord_type": "stop", "order_qty": "4", "stop_px": "90"}
    assert (await api.post("/v1/orders", stop)).status == 201
    await api.rig.quiet()

    (found,) = (await api.get("/v1/positions")).body["positions"]

    assert (found["symbol"], found["qty"], found["avg_px"]) == ("AAPL", "10", "100.02")
    assert (found["last_px"], found["stop_coverage"], found["external"]) == ("100.01", "4", False)
    assert found["price_basis"] == "live"
    assert found["price_time"].endswith("+00:00")
    assert Decimal(found["total_pnl"]) < 0


async def test_position_that_another_program_made_is_external_until_it_is_gone(api: LocalApi) -> None:
    api.rig.market.exchange.place_external(terms(qty=7, price="100.02"))
    api.rig.market.refresh()
    await api.rig.quiet()
    await api.post("/v1/orders", limit(symbol="MSFT"))
    await api.rig.quiet()

    held = (await api.get("/v1/positions")).body["positions"]
    (foreign,) = [each for each in (await api.get("/v1/orders")).body["orders"] if each["external"]]
    await api.post("/v1/positions/AAPL/close")
    await api.rig.quiet()
    left = (await api.get("/v1/positions")).body["positions"]

    assert {(each["symbol"], each["external"]) for each in held} == {("AAPL", True), ("MSFT", False)}
    assert foreign["symbol"] == "AAPL"
    assert [each["symbol"] for each in left] == ["MSFT"]


async def test_what_only_the_broker_knows_of_is_external(api: LocalApi) -> None:
    await buy(api)
    differences = (
        Difference(DifferenceKind.POSITION, "AAPL", "10", "12", repaired=False),
        Difference(DifferenceKind.POSITION, "TSLA", "0", "7", repaired=False),
        Difference(DifferenceKind.POSITION, "MSFT", "0", "3", repaired=True),
        Difference(DifferenceKind.CASH, "cash", "1", "2", repaired=False),
    )
    api.rig.core.bus.publish(Reconciled(ReconciliationRun(NOON, NOON, differences)))

    found = (await api.get("/v1/positions")).body["positions"]
    run = (await api.get("/v1/reconciliation")).body["reconciliation"]

    assert [(each["symbol"], each["qty"], each["external"]) for each in found] == [
        ("AAPL", "10", True),
        ("TSLA", "7", True),
    ]
    assert {"kind": "cash", "subject": "cash", "ours": "1", "broker": "2", "repaired": False} in run[
        "differences"
    ]


async def test_open_orders_leave_out_what_has_ended(api: LocalApi) -> None:
    await buy(api)
    resting = await api.post("/v1/orders", limit(price="99.00"))

    opened = (await api.get("/v1/orders?state=open")).body["orders"]
    everything = (await api.get("/v1/orders")).body["orders"]

    assert [each["cl_ord_id"] for each in opened] == [resting.body["order"]["cl_ord_id"]]
    assert len(everything) == 2


async def test_order_that_is_in_the_book_only_is_found(api: LocalApi) -> None:
    cl_ord_id = await buy(api)
    api.rig.core.state.orders._ended.clear()

    found = await api.get(f"/v1/orders/{cl_ord_id}")

    assert (found.status, found.body["ord_status"]) == (200, "FILLED")


async def test_fills_are_followed_from_the_last_one_known(api: LocalApi) -> None:
    first, second = await buy(api, "10"), await buy(api, "11")

    found = (await api.get("/v1/fills")).body
    newer = (await api.get(f"/v1/fills?after={found['fills'][0]['exec_id']}")).body
    missing = await api.get("/v1/fills?after=nope")

    assert [each["cl_ord_id"] for each in found["fills"]] == [first, second]
    assert found["has_more"] is False
    assert [(each["last_qty"], each["last_px"], each["side"]) for each in newer["fills"]] == [
        ("11", "100.02", "buy")
    ]
    assert (missing.status, missing.code) == (404, "not_found")


async def test_watchlists_come_with_quotes_and_their_age(api: LocalApi) -> None:
    await api.rig.do(SaveWatchlist(Watchlist("Tech", (MSFT, AAPL))))
    await api.rig.wait(2, refresh=False)

    (found,) = (await api.get("/v1/watchlist")).body["watchlists"]

    assert (found["name"], [each["symbol"] for each in found["quotes"]]) == ("Tech", ["MSFT", "AAPL"])
    assert all(each["age_s"] == 2.0 for each in found["quotes"])


async def test_quote_is_answered_in_any_case_and_unknown_symbols_are_not(api: LocalApi) -> None:
    found = (await api.get("/v1/quotes/aapl")).body
    unknown = await api.get("/v1/quotes/NOPE")

    assert (found["symbol"], found["bid"], found["ask"]) == ("AAPL", "100", "100.02")
    assert found["change_pct"] == "0.5126"
    assert (unknown.status, unknown.code) == (404, "unknown_symbol")


async def test_quote_that_never_came_is_null(api: LocalApi) -> None:
    api.rig.core.state.quotes._quotes.clear()

    found = (await api.get("/v1/quotes/AAPL")).body
    watched = (await api.get("/v1/watchlist")).body["watchlists"][0]["quotes"][0]

    assert (found["symbol"], found["bid"], found["age_s"]) == ("AAPL", None, None)
    assert watched == found


async def test_risk_tells_state_limits_and_uses(api: LocalApi) -> None:
    found = (await api.get("/v1/risk")).body

    assert found["trading_state"] == "ACTIVE"
    assert found["limits"]["collar_hard_pct"] == "10"
    assert found["limits"]["quote_age_s"] == 5.0
    assert {each["name"] for each in found["uses"]} >= {"daily_loss", "orders_today"}


async def test_reconciliation_is_null_before_the_first(api: LocalApi) -> None:
    api.rig.core.glance._reconciliation = None

    assert (await api.get("/v1/reconciliation")).body == {"reconciliation": None}


async def test_record_is_followed_to_its_head(api: LocalApi) -> None:
    await buy(api)

    head = (await api.get("/v1/audit/head")).body
    page = (await api.get("/v1/audit")).body
    newest = (await api.get(f"/v1/audit?after={head['seq'] - 1}")).body["records"]
    beyond = (await api.get(f"/v1/audit?after={head['seq']}")).body

    assert [each["seq"] for each in page["records"]] == list(range(1, head["seq"] + 1))
    assert page["has_more"] is False
    assert [(each["seq"], each["digest"]) for each in newest] == [(head["seq"], head["digest"])]
    assert beyond["records"] == []


async def test_record_names_the_key_that_gave_an_order_and_its_role(api: LocalApi) -> None:
    await buy(api)

    records = (await api.get("/v1/audit")).body["records"]

    (prepared,) = [each for each in records if each["action"] == "order.prepared"]
    assert (prepared["actor"][:4], prepared["role"]) == ("api-", "trader")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/audit?after=x",
        "/v1/audit?after=-1",
        "/v1/audit?after=1e3",
        "/v1/audit?after=" + "9" * 30,
        "/v1/audit?after=1&after=2",
        "/v1/orders?state=closed",
        "/v1/orders?state=open&key=secret",
        "/v1/account?api_key=secret",
        "/health?x",
    ],
)
async def test_address_with_what_does_not_belong_there_is_malformed(api: LocalApi, path: str) -> None:
    refused = await api.get(path)

    assert (refused.status, refused.code) == (400, "malformed")
    assert "secret" not in refused.message


async def test_movers_are_ranked_and_what_could_not_be_is_named(api):
    found = (await api.get("/v1/movers")).body

    ranked = {row["symbol"] for row in found["movers"]}
    left_out = {row["symbol"] for row in found["excluded"]}
    assert len(ranked) + len(left_out) == 20
    assert not ranked & left_out
    assert all(row["reason"] for row in found["excluded"])
