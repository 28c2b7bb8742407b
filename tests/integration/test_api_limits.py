"""What the local API does against too many requests and wrong keys, over real sockets and a real database."""

import asyncio
import hmac
import json
from pathlib import Path

import aiohttp
import pytest

from core.api.crowd import MOST_STRANGERS
from core.api.wrong_keys import LOCKED_S, MOST_FAILURES, WINDOW_S
from core.domain.access import Role
from core.domain.messages import KillTrading, SaveSetting
from core.domain.records import AuditQuery
from core.errors import RefusalCode, Refused, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.orders.lock_out import SETTING
from tests.fakes.local_api import KEYS, LocalApi, limit

WRONG = "w" * 40
PER_MINUTE = 5


@pytest.fixture
async def api(tmp_path: Path):
    made = await LocalApi.open(tmp_path, per_minute=PER_MINUTE)
    yield made
    disarm_all()
    await made.close()


async def records(api: LocalApi, action: str):
    return await api.rig.store.read(lambda reader: reader.audit_page(AuditQuery(action=action)))


async def lock_out(api: LocalApi) -> None:
    for _ in range(MOST_FAILURES):
        assert (await api.get("/health", role=WRONG)).status == 401


async def test_request_beyond_the_allowance_is_told_when_to_come_again(api: LocalApi) -> None:
    for _ in range(PER_MINUTE):
        assert (await api.get("/health")).status == 200

    refused = await api.get("/health")
    other_key = await api.get("/health", role="trader")
    api.rig.clock.turn(float(refused.headers["Retry-After"]))
    again = await api.get("/health")

    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "throttled", "12")
    assert (other_key.status, again.status) == (200, 200)


async def test_what_ends_risk_is_never_refused_for_coming_too_often(api: LocalApi) -> None:
    placed = await api.post("/v1/orders", limit(price="99.00"))
    order = placed.body["order"]["cl_ord_id"]
    while (await api.get("/health", role="trader")).status != 429:
        pass
    kills = []

    async def killed(command, _actor):
        kills.append(command)
        raise Refused(RefusalCode.NOT_READY, "as far as it goes")

    api.rig.core.desk._handlers[KillTrading] = killed

    halts = [await api.post("/v1/halt", {"reason": "test"}) for _ in range(3 * PER_MINUTE)]
    cancel = await api.ask("DELETE", f"/v1/orders/{order}")
    for _ in range(3 * PER_MINUTE):
        await api.post("/v1/kill", {"reason": "test", "flatten": False})

    assert {each.status for each in halts} == {200}
    assert cancel.status == 202
    assert len(kills) == 3 * PER_MINUTE
    assert (await api.get("/health", role="trader")).status == 429


async def test_orders_that_are_refused_for_it_are_not_sent(api: LocalApi) -> None:
    while (await api.get("/health", role="trader")).status != 429:
        pass

    refused = await api.post("/v1/orders", limit())

    assert refused.status == 429
    assert api.rig.oracle().orders == {}


@pytest.mark.parametrize("path", ["/nope", "/v1/orders/"])
async def test_calls_that_there_are_none_of_count_too(api: LocalApi, path: str) -> None:
    for _ in range(PER_MINUTE):
        assert (await api.get(path)).status == 404

    assert (await api.get(path)).status == 429
    assert (await api.get("/health")).status == 429


async def test_requests_without_a_key_share_one_allowance(api: LocalApi) -> None:
    for _ in range(PER_MINUTE):
        assert (await api.get("/health", role=None)).status == 401

    refused = await api.get("/v1/account", role=None)

    assert (refused.status, refused.code) == (429, "throttled")
    assert (await api.get("/health")).status == 200


async def test_wrong_keys_lock_unknown_keys_out_and_no_other(api: LocalApi, expected_log) -> None:
    expected_log("api.locked_out")
    await lock_out(api)

    refused = await api.get("/health", role="z" * 40)
    valid = [await api.get("/health", role=role) for role in Role]
    halted = await api.post("/v1/halt", {"reason": "test"})

    assert (refused.status, refused.headers["Retry-After"]) == (429, str(int(LOCKED_S)))
    assert "valid ones go on working" in refused.message
    assert {each.status for each in valid} == {200}
    assert halted.status == 200


async def test_lock_out_ends_after_its_time(api: LocalApi, expected_log) -> None:
    expected_log("api.locked_out")
    await lock_out(api)

    api.rig.clock.turn(LOCKED_S)
    after = await api.get("/health", role=WRONG)

    assert after.status == 401


async def test_no_key_at_all_is_no_guess(api: LocalApi) -> None:
    for _ in range(PER_MINUTE):
        await api.get("/health", role=None)

    assert (await api.get("/health", role=WRONG)).status == 401


async def test_wrong_keys_that_lie_apart_are_told_each_time(api: LocalApi) -> None:
    for _ in range(3 * MOST_FAILURES):
        assert (await api.get("/health", role=WRONG)).status == 401
        api.rig.clock.turn(WINDOW_S / 4)


async def test_lock_out_is_recorded_once_without_the_key(api: LocalApi, expected_log) -> None:
    expected_log("api.locked_out")
    await lock_out(api)
    for _ in range(3):
        await api.get("/health", role=WRONG)

    (record,) = await records(api, "api.locked_out")

    assert (record.actor, json.loads(record.payload)["failures"]) == ("api", MOST_FAILURES)
    assert WRONG not in record.payload


async def test_restart_ends_no_lock_out(tmp_path: Path, expected_log) -> None:
    expected_log("api.locked_out")
    first = await LocalApi.open(tmp_path)
    await lock_out(first)
    await first.close()

    second = await LocalApi.open(tmp_path)
    refused = await second.get("/health", role=WRONG)
    valid = await second.get("/health")
    await second.close()

    assert (refused.status, valid.status) == (429, 200)


async def test_restart_forgets_no_failure(tmp_path: Path, expected_log) -> None:
    expected_log("api.locked_out")
    first = await LocalApi.open(tmp_path)
    for _ in range(MOST_FAILURES - 1):
        await first.get("/health", role=WRONG)
    await first.close()

    second = await LocalApi.open(tmp_path)
    last = await second.get("/health", role=WRONG)
    refused = await second.get("/health", role=WRONG)
    await second.close()

    assert (last.status, refused.status) == (401, 429)


async def test_lock_out_that_cannot_be_written_holds_all_the_same(api: LocalApi, expected_log) -> None:
    expected_log("api.lock_out_unwritable")
    expected_log("api.locked_out")

    def full() -> None:
        raise StorageUnwritable("the disk is full")

    arm("store.before_commit", full)
    await lock_out(api)

    assert (await api.get("/health", role=WRONG)).status == 429


async def test_lock_out_that_cannot_be_read_does_not_keep_the_api_shut(tmp_path: Path, expected_log) -> None:
    expected_log("api.lock_out_unreadable")
    first = await LocalApi.open(tmp_path)
    await first.server.stop()
    desk = first.rig.core.desk

    async def unreadable(_command, _actor):
        raise StorageUnwritable("the disk is gone")

    kind = next(each for each in desk.commands if each.__name__ == "LoadLockOut")
    desk._handlers[kind] = unreadable
    second = LocalApi(first.rig)
    await second.server.start(0)
    answer = await second.get("/v1/account")
    await second.client.close()
    await second.server.stop()
    await first.close()

    assert answer.status == 200


async def test_window_cannot_write_over_it(api: LocalApi) -> None:
    with pytest.raises(Refused):
        await api.rig.do(SaveSetting(SETTING, "{}"), "admin")


async def test_many_wrong_keys_at_once_are_bounded_too(api: LocalApi, expected_log) -> None:
    expected_log("api.locked_out")

    answers = await asyncio.gather(*(api.get("/health", role=f"{n:040d}") for n in range(40)))

    assert sum(each.status == 401 for each in answers) <= MOST_FAILURES
    assert len(await records(api, "api.locked_out")) == 1


async def test_half_a_key_and_a_key_with_more_are_wrong(api: LocalApi) -> None:
    key = KEYS[Role.TRADER]

    for text in (key[:-1], f"{key}x", key.upper(), f" {key[:-1]}"):
        assert (await api.get("/health", role=text)).status in (401, 429)


async def test_connections_that_say_nothing_shut_nobody_out(api: LocalApi) -> None:
    assert (await api.get("/health")).status == 200  # this one goes on being open
    silent = [await asyncio.open_connection("127.0.0.1", api.server.port) for _ in range(3 * MOST_STRANGERS)]

    kept = await api.get("/health", role="trader")
    async with aiohttp.ClientSession() as anew:
        headers = {"X-API-Key": KEYS[Role.TRADER]}
        async with anew.post(f"{api.address}/v1/halt", json={"reason": "test"}, headers=headers) as answer:
            halted = answer.status
    ended = sum([reader.at_eof() or await _is_at_end(reader) for reader, _ in silent])
    for _, writer in silent:
        writer.close()

    assert (kept.status, halted) == (200, 200)
    assert ended >= 2 * MOST_STRANGERS


async def _is_at_end(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.02):
            return await reader.read(1) == b""
    except TimeoutError:
        return False


@pytest.mark.parametrize("place", [0, 1, 2, None])
async def test_every_key_is_compared_wherever_the_right_one_stands(
    api: LocalApi, place: int | None, monkeypatch
) -> None:
    compared = []
    inner = hmac.compare_digest

    def watch(known: bytes, offered: bytes) -> bool:
        compared.append(len(known) == len(offered) == 32)
        return inner(known, offered)

    monkeypatch.setattr(hmac, "compare_digest", watch)
    key = WRONG if place is None else list(KEYS.values())[place]

    await api.get("/health", role=key)

    assert compared == [True] * len(KEYS)
