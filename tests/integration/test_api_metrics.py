"""`/metrics`: the library's parser reads it, numbers are right after real orders, labels hold no secret."""

import asyncio
from decimal import Decimal
from pathlib import Path
from threading import Event

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.desktop import window_numbers
from core.api.metrics import exposition
from core.api.server import ROUTES
from core.domain.access import Role
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.messages import BreakerChanged, LinkState, Notice, Part, RequestsWaiting, Severity
from core.domain.risk import Unit
from tests.fakes.local_api import KEYS, LocalApi, limit
from ui.bridge import Bridge

Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(text: str) -> Numbers:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Scrape:
    """One answer of `/metrics`, to be asked by name and labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.numbers = read(text)

    def __call__(self, name: str, **labels: str) -> float:
        return self.numbers[(f"investiq_{name}", tuple(sorted(labels.items())))]

    def holds(self, name: str, label: str = "state", **labels: str) -> str:
        """Return the word of a state that is 1; exactly one is."""
        wanted = set(labels.items())
        (found,) = [
            dict(pairs)[label]
            for (known, pairs), value in self.numbers.items()
            if known == f"investiq_{name}" and wanted <= set(pairs) and value == 1.0
        ]
        return found


async def scrape(api: LocalApi, role: str | None = "viewer") -> Scrape:
    reply = await api.get("/metrics", role=role)
    assert reply.status == 200, reply.body
    return Scrape(reply.body)


@pytest.fixture
async def api(tmp_path: Path):
    made = await LocalApi.open(tmp_path)
    yield made
    await made.close()


async def test_content_type_is_that_of_the_text_format(api: LocalApi) -> None:
    reply = await api.get("/metrics")

    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-store"


async def test_every_family_has_its_own_name_and_a_meaning(api: LocalApi) -> None:
    families = list(text_string_to_metric_families((await scrape(api)).text))

    assert len({each.name for each in families}) == len(families) > 40
    assert all(each.documentation and each.type != "unknown" for each in families)


async def test_an_order_that_fills_is_counted_step_by_step(api: LocalApi) -> None:
    before = await scrape(api)
    await api.post("/v1/orders", limit())
    api.rig.market.refresh()
    await api.rig.quiet()
    await api.rig.wait(1.0)

    after = await scrape(api)

    fills = api.rig.oracle()
    assert before("order_states_total", status="PENDING_NEW") == 0
    assert after("order_states_total", status="PENDING_NEW") == 1
    assert after("order_states_total", status="FILLED") == 1
    assert after("fills_total", side="buy") == len(fills.fills) == 1
    assert after("order_write_seconds_count") == after("order_ack_seconds_count") == 1
    assert after("audit_records_total") > before("audit_records_total")
    assert after("audit_append_seconds_count") >= after("audit_records_total")
    assert after("commit_seconds_count") > before("commit_seconds_count")
    assert after("commit_jobs_sum") >= after("commit_seconds_count")
    assert after("database_bytes", file="database") > 0


async def test_a_cancel_is_timed_from_the_wish_to_the_brokers_word(api: LocalApi) -> None:
    placed = await api.post("/v1/orders", limit(price="99.00"))
    resting = await scrape(api)

    await api.ask("DELETE", f"/v1/orders/{placed.body['order']['cl_ord_id']}")
    await api.rig.wait(1.0)
    ended = await scrape(api)

    assert resting("orders_open", status="NEW") == 1
    assert (resting("cancel_seconds_count"), ended("cancel_seconds_count")) == (0, 1)
    assert ended("order_states_total", status="CANCELED") == 1
    assert not [name for name, _ in ended.numbers if name == "investiq_orders_open"]


async def test_a_refusal_is_counted_by_its_code_and_its_rules(api: LocalApi) -> None:
    refused = await api.post("/v1/orders", limit(qty="1000000"))

    found = await scrape(api)

    assert found("refusals_total", code=refused.code) == 1
    for rule in refused.details["rules"]:
        assert found("rule_refusals_total", rule=rule) == 1


async def test_a_refused_role_is_counted(api: LocalApi) -> None:
    await api.post("/v1/orders", limit(), role="viewer")

    assert (await scrape(api))("refusals_total", code="not_permitted") == 1


async def test_the_trading_state_is_one_of_three(api: LocalApi) -> None:
    before = await scrape(api)
    await api.post("/v1/halt", {"reason": "test"})

    after = await scrape(api)

    assert (before.holds("trading_state"), after.holds("trading_state")) == ("ACTIVE", "HALTED")
    assert after("trading_state_changes_total", state="HALTED") == 1


async def test_a_part_that_goes_down_is_seen_with_its_age(api: LocalApi) -> None:
    before = await scrape(api)
    api.rig.core.links.show(Part.FEED, LinkState.DOWN, "the vendor is out")
    api.rig.clock.turn(7.0)

    after = await scrape(api)

    assert before.holds("link_state", part="feed") == "up"
    assert after.holds("link_state", part="feed") == "down"
    assert after("link_state_age_seconds", part="feed") == 7.0
    assert after("link_losses_total", part="feed") == 1
    assert after("quote_age_seconds") >= 7.0


async def test_requests_are_counted_by_template_and_status_and_never_by_address(api: LocalApi) -> None:
    await api.get("/v1/quotes/AAPL")
    await api.get("/v1/quotes/NOPE")
    await api.get("/v1/secret-looking-path")
    await api.get("/v1/account", role="w" * 40)

    found = await scrape(api)

    path = "/v1/quotes/{symbol}"
    assert found("api_requests_total", method="GET", route=path, status="200") == 1
    assert found("api_requests_total", method="GET", route=path, status="404") == 1
    assert found("api_requests_total", method="none", route="none", status="404") == 1
    assert found("api_requests_total", method="none", route="none", status="401") == 1
    assert found("api_wrong_keys_total") == 1
    assert found("api_seconds_count", route=path) == 2


async def test_waiting_for_the_brokers_rate_limit_is_shown(api: LocalApi) -> None:
    api.rig.core.bus.publish(RequestsWaiting(3, 1.5))

    found = await scrape(api)

    assert (found("broker_requests_waiting"), found("broker_wait_seconds")) == (3, 1.5)


def step(api: LocalApi, state: BreakerState, source: str = "") -> BreakerRecord:
    now = api.rig.clock.now()
    return BreakerRecord(
        BreakerName.REJECT_RATE, state, source, "x", None, Decimal(5), Unit.COUNT, "desk", "admin", "", now
    )


async def test_of_a_breaker_that_watches_many_ways_in_the_worst_is_shown(api: LocalApi) -> None:
    before = await scrape(api)
    api.rig.core.bus.publish(BreakerChanged(step(api, BreakerState.TRIPPED, "api")))
    api.rig.core.bus.publish(BreakerChanged(step(api, BreakerState.ARMED, "window")))

    after = await scrape(api)

    assert before.holds("breaker_state", breaker="reject_rate") == "ARMED"
    assert after.holds("breaker_state", breaker="reject_rate") == "TRIPPED"
    assert after("breaker_steps_total", breaker="reject_rate", state="TRIPPED") == 1


async def test_a_breaker_that_had_tripped_is_shown_after_a_restart(tmp_path: Path) -> None:
    first = await LocalApi.open(tmp_path)
    await first.rig.store.write(lambda uow: uow.insert_breaker(step(first, BreakerState.TRIPPED, "api")))
    await first.close()

    second = await LocalApi.open(tmp_path)
    found = await scrape(second)
    await second.close()

    assert found.holds("breaker_state", breaker="reject_rate") == "TRIPPED"


async def test_lateness_of_the_loop_is_measured(api: LocalApi) -> None:
    await api.rig.wait(10.0, 1.0)

    assert (await scrape(api))("loop_lag_seconds_count") > 0


@pytest.mark.parametrize("role", list(Role))
async def test_labels_hold_no_key_account_symbol_or_id(api: LocalApi, role: Role) -> None:
    placed = await api.post("/v1/orders", limit())
    await api.get(f"/v1/orders/{placed.body['order']['cl_ord_id']}", role=role)
    await api.get(f"/v1/orders/{KEYS[role]}", role=role)
    await api.get("/v1/account", role=KEYS[role][:-1])

    found = await scrape(api, role)

    account = api.rig.core.outside.profile.account
    for secret in (*KEYS.values(), "AAPL", "IQ-", "api-", account, "demo"):
        assert secret not in found.text
    routes = {route.path for route in ROUTES} | {"none"}
    shown = {dict(labels)["route"] for _, labels in found.numbers if "route" in dict(labels)}
    assert shown <= routes


@pytest.mark.parametrize(("open_metrics", "status"), [(False, 401), (True, 200)])
async def test_without_a_key_only_where_the_settings_say_so(tmp_path: Path, open_metrics, status) -> None:
    api = await LocalApi.open(tmp_path, open_metrics=open_metrics)

    asked = {path: (await api.get(path, role=None)).status for path in ("/metrics", "/health", "/v1/account")}
    posted = (await api.post("/metrics", role=None)).status
    wrong = (await api.get("/metrics", role="w" * 40)).status
    await api.close()

    assert asked == {"/metrics": status, "/health": 401, "/v1/account": 401}
    assert (posted, wrong) == (401, 401)


async def test_numbers_are_told_while_the_database_is_busy(api: LocalApi) -> None:
    held, release = Event(), Event()

    def hold(_uow) -> None:
        held.set()
        release.wait(10)

    writing = api.rig.core.tasks.spawn(api.rig.store.inner.write(hold), "work")
    await api.rig.core.tasks.see_through(_until(held), "work")
    found = await scrape(api)
    health = await api.get("/health")
    release.set()
    await writing

    assert found.holds("trading_state") == "ACTIVE"
    assert health.status == 200


async def _until(event: Event) -> None:
    await asyncio.to_thread(event.wait, 10)


def test_window_tells_what_it_has_not_taken(qapp) -> None:
    bridge = Bridge(lambda _command: None)
    bridge.publish(Notice(Severity.FACT, "test"))
    bridge.stalls.worst_ms = 40.0

    found = Scrape(exposition([each.family() for each in window_numbers(bridge)]).decode())

    assert (found("window_waiting"), found("window_stall_seconds")) == (1, 0.04)
