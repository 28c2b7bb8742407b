"""One profile, one account: enrolled at the first connection, demanded at every later one."""

from dataclasses import replace

import pytest

from core.domain.audit import AuditAction
from core.domain.messages import LinkState, Part, SaveSetting
from core.errors import RefusalCode, Refused
from core.orders.enrolment import SETTING
from tests.fakes.rig import Rig


@pytest.fixture
async def rig(tmp_path):
    made = await Rig(tmp_path).start()
    yield made
    await made.stop()


async def test_first_connection_enrols_the_account_and_records_it(rig):
    settings = await rig.store.read(lambda reader: reader.settings())
    records = await rig.store.read(lambda reader: reader.audit_records(0, 100))

    account = await rig.core.outside.broker.account()
    assert settings[SETTING] == account.account_id
    assert [each.action for each in records].count(AuditAction.ACCOUNT_ENROLLED.value) == 1


async def test_window_cannot_choose_the_account(rig):
    with pytest.raises(Refused) as refused:
        await rig.core.clerk.save_setting(SaveSetting(SETTING, "other"), rig.core.desk_actor)

    assert refused.value.code is RefusalCode.NOT_PERMITTED


@pytest.mark.parametrize("changed", ["another-9876"])
async def test_keys_of_another_account_open_nothing_until_a_person_says_so(
    rig, monkeypatch, changed, expected_log
):
    broker = rig.core.outside.broker
    usual = broker.account

    async def other():
        return replace(await usual(), account_id=changed)

    monkeypatch.setattr(broker, "account", other)
    expected_log("link.lost")
    expected_log("link.stopped")
    rig.core.links.interrupt("the cable was pulled")
    for _ in range(100):
        await rig.clock.advance(0.5)
        if "belongs to account" in rig.core.links.states[Part.ORDERS].text:
            break

    assert rig.core.links.states[Part.ORDERS].state is LinkState.DOWN
    assert "…9876" in rig.core.links.states[Part.ORDERS].text
    assert rig.core.state.ready is False
