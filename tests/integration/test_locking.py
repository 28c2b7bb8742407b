"""The lock of the session: nothing is opened, what lessens risk goes on, and a passphrase ends it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.domain import messages as m
from core.domain.access import Actor, Origin, TradingState
from core.domain.records import AuditQuery
from core.domain.session_commands import LOCK_AFTER
from core.domain.terms import OrdStatus, Side
from core.domain.users import UserRecord
from core.errors import RefusalCode, Refused, WrongPassphrase
from core.ids import IdempotencyKey
from tests.builders import AAPL
from tests.fakes.local_api import LocalApi
from tests.fakes.rig import EVERY_RULE, Rig, draft

KIM = Actor("kim", "trader", Origin.WINDOW, "s-1")
PASSPHRASES = {"kims passphrase": "kim", "sams passphrase": "sam", "evas passphrase": "eva"}


def _user_of(passphrase: str) -> str:
    if passphrase not in PASSPHRASES:
        raise WrongPassphrase("the passphrase opens no key slot of this profile")
    return PASSPHRASES[passphrase]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A core whose profile has three passphrases, and roles for two of them."""
    rig = await Rig(tmp_path).start()
    rig.core.locking._unlock = _user_of
    rig.core.locking.profile = replace(rig.core.locking.profile, user="kim", role="trader")
    for number, (name, role) in enumerate((("kim", "trader"), ("sam", "viewer"))):
        at = rig.clock.now() + timedelta(seconds=number)
        record = UserRecord(name, role, "kim", at)
        await rig.store.write(lambda uow, record=record: uow.insert_user(record))
    yield rig
    await rig.stop()


async def _do(rig: Rig, command, actor: Actor = KIM):
    async def work():
        return await rig.core.locking.execute(command, actor)

    task = rig.core.tasks.spawn(work(), "test")
    await rig.quiet()
    assert task.done()
    return task.result()


async def _lock(rig: Rig) -> None:
    await _do(rig, m.LockSession(m.LockReason.KEY))


async def _records(rig: Rig, action: str):
    page = await rig.store.read(lambda reader: reader.audit_page(AuditQuery(action=action)))
    return [(record.actor, record.role, record.payload) for record in page][::-1]


@pytest.mark.parametrize("origin", [Origin.WINDOW, Origin.API])
async def test_opening_order_is_denied_while_locked_whoever_wants_it(rig: Rig, origin: Origin):
    await _lock(rig)

    with pytest.raises(Refused) as refused:
        await _do(rig, m.SubmitOrder(draft(), rig.key(), EVERY_RULE), Actor("kim", "trader", origin, "s-1"))

    assert refused.value.code is RefusalCode.LOCKED
    assert not rig.oracle().ours()


async def test_rules_judge_every_order_as_if_positions_may_only_be_reduced_while_locked(rig: Rig):
    # Also what the agent proposed and the program sends by itself: it meets the same rules.
    await _lock(rig)
    locked = rig.core.state.in_force
    await _do(rig, m.HaltTrading("x"))
    halted = rig.core.state.in_force

    assert (locked, halted) == (TradingState.REDUCING, TradingState.HALTED)
    assert rig.core.state.trading_state is TradingState.HALTED


async def test_order_that_lessens_a_position_passes_while_locked_and_one_share_more_does_not(rig: Rig):
    await rig.submit(draft(qty=10))
    await rig.quiet()
    await _lock(rig)

    with pytest.raises(Refused) as refused:
        await _do(rig, m.SubmitOrder(draft(Side.SELL, 11), rig.key(), EVERY_RULE))
    sold = await _do(rig, m.SubmitOrder(draft(Side.SELL, 4), rig.key(), EVERY_RULE))
    closed = await _do(rig, m.ClosePosition(AAPL, rig.key(), EVERY_RULE))
    await rig.quiet()

    assert refused.value.code is RefusalCode.LOCKED
    assert rig.order(sold.order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert rig.order(closed.order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert rig.core.state.positions.qty(AAPL) == 0


async def test_cancel_halt_and_kill_pass_while_locked(rig: Rig):
    resting = await rig.submit(draft(price="90.00"))
    await _lock(rig)

    await _do(rig, m.CancelOrder(resting.cl_ord_id))
    await rig.quiet()
    halted = await _do(rig, m.HaltTrading("away from the desk"))

    assert rig.order(resting.cl_ord_id).ord_status is OrdStatus.CANCELED
    assert halted.state is TradingState.HALTED
    with pytest.raises(Refused) as refused:
        await _do(rig, m.ResumeTrading("back"), Actor("kim", "admin", Origin.API, "s-1"))
    assert refused.value.code is RefusalCode.LOCKED


async def test_change_of_an_open_order_is_denied_while_locked(rig: Rig):
    resting = await rig.submit(draft(price="90.00"))
    await _lock(rig)

    with pytest.raises(Refused) as refused:
        await _do(rig, m.ReplaceOrder(resting.cl_ord_id, rig.key(), "20", "91.00", "", EVERY_RULE))

    assert refused.value.code is RefusalCode.LOCKED
    assert rig.order(resting.cl_ord_id).order_qty == 10


async def test_order_that_waits_for_a_yes_when_it_locks_is_not_sent(rig: Rig):
    rig.core.gate.settings.always = True
    waiting = await rig.begin(m.SubmitOrder(draft(), rig.key(), EVERY_RULE))
    await _lock(rig)

    await rig.wait(31)

    assert isinstance(waiting.exception(), Refused)
    assert not rig.oracle().ours()


async def test_prices_and_orders_are_shown_on_while_locked(rig: Rig):
    await _lock(rig)

    snapshot = await _do(rig, m.LoadSnapshot())

    assert snapshot.profile.user == "kim"


async def test_passphrase_ends_the_lock_and_both_are_recorded(rig: Rig):
    await _lock(rig)
    await _lock(rig)

    answer = await _do(rig, m.UnlockSession("kims passphrase"))

    assert (answer.user, answer.role) == ("kim", "trader")
    assert (await _do(rig, m.SubmitOrder(draft(), rig.key(), EVERY_RULE))).order is not None
    assert await _records(rig, "session.locked") == [("kim", "trader", '{"reason":"key"}')]
    assert await _records(rig, "session.unlocked") == [("kim", "trader", '{"after":"kim","before":"kim"}')]


async def test_another_user_sits_down_in_their_own_role(rig: Rig):
    await _lock(rig)

    answer = await _do(rig, m.UnlockSession("sams passphrase"))

    assert (answer.user, answer.role) == ("sam", "viewer")
    with pytest.raises(Refused) as refused:
        await _do(rig, m.SubmitOrder(draft(), rig.key(), EVERY_RULE))
    assert refused.value.code is RefusalCode.NOT_PERMITTED
    assert (await _do(rig, m.LoadSnapshot())).profile.role == "viewer"
    assert await _records(rig, "session.unlocked") == [("sam", "viewer", '{"after":"sam","before":"kim"}')]


@pytest.mark.parametrize(
    ("passphrase", "kind"), [("nobodys passphrase", WrongPassphrase), ("evas passphrase", Refused)]
)
async def test_wrong_passphrase_or_a_user_without_a_role_leaves_it_locked(rig: Rig, passphrase, kind):
    await _lock(rig)

    with pytest.raises(kind):
        await _do(rig, m.UnlockSession(passphrase))

    with pytest.raises(Refused) as refused:
        await _do(rig, m.SubmitOrder(draft(), rig.key(), EVERY_RULE))
    assert refused.value.code is RefusalCode.LOCKED
    assert passphrase not in str(await _records(rig, ""))


async def test_wrong_passphrase_is_recorded(rig: Rig):
    await _lock(rig)

    with pytest.raises(WrongPassphrase):
        await _do(rig, m.UnlockSession("nobodys passphrase"))

    ((actor, _, payload),) = await _records(rig, "unlock.refused")
    assert (actor, "opens no key slot" in payload, "nobodys" in payload) == ("kim", True, False)


async def test_profile_without_a_passphrase_cannot_be_locked(rig: Rig):
    rig.core.locking._unlock = None

    for command in (m.LockSession(m.LockReason.IDLE), m.UnlockSession("x")):
        with pytest.raises(Refused, match="no passphrase"):
            await _do(rig, command)

    assert (await _do(rig, m.SubmitOrder(draft(), IdempotencyKey("k-1"), EVERY_RULE))).order is not None


@pytest.mark.parametrize("minutes", [1, 15, 60])
async def test_minutes_until_it_locks_are_kept_and_recorded(rig: Rig, minutes: int):
    assert await _do(rig, m.SetLockAfter(minutes)) == minutes

    settings = await rig.store.read(lambda reader: reader.settings())
    assert settings[LOCK_AFTER] == str(minutes)
    assert await _records(rig, "setting.changed") == [
        ("kim", "trader", f'{{"after":"{minutes}","before":"15"}}')
    ]


@pytest.mark.parametrize("minutes", [0, -1, 61, 10**9])
async def test_minutes_beyond_the_bounds_are_refused(rig: Rig, minutes: int):
    with pytest.raises(Refused) as refused:
        await _do(rig, m.SetLockAfter(minutes))

    assert refused.value.code is RefusalCode.MALFORMED


async def test_minutes_are_no_setting_that_the_window_may_write(rig: Rig):
    with pytest.raises(Refused):
        await _do(rig, m.SaveSetting(LOCK_AFTER, "100000"))


async def test_local_api_answers_423_to_what_opens_while_locked_and_lets_the_rest_through(rig: Rig):
    await rig.submit(draft(qty=10))
    resting = await rig.submit(draft(price="90.00"))
    await rig.quiet()
    api = LocalApi(rig)
    await api.server.start(0)
    await _lock(rig)
    order = {"symbol": "AAPL", "side": "buy", "ord_type": "market", "order_qty": "1"}

    opening = await api.ask("POST", "/v1/orders", order)
    resuming = await api.ask("POST", "/v1/resume", {"reason": "x"}, role="admin")
    exit_ = await api.ask("POST", "/v1/orders", order | {"side": "sell"})
    cancel = await api.ask("DELETE", f"/v1/orders/{resting.cl_ord_id}")
    account = await api.ask("GET", "/v1/account")
    await api.client.close()
    await api.server.stop()

    assert [(each.status, each.code) for each in (opening, resuming)] == [(423, "locked"), (423, "locked")]
    assert (exit_.status, cancel.status, account.status) == (201, 202, 200)


@pytest.mark.parametrize(("stored", "before"), [("7", "7"), ("", "15"), ("soon", "15")])
async def test_minutes_that_were_stored_are_those_before_the_next(rig: Rig, stored: str, before: str):
    rig.core.locking.restore({LOCK_AFTER: stored})

    await _do(rig, m.SetLockAfter(8))

    ((_, _, payload),) = await _records(rig, "setting.changed")
    assert payload == f'{{"after":"8","before":"{before}"}}'
