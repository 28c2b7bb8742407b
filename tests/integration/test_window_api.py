"""The local API beside a window: there where the profile has it switched on, and closed with the core."""

import pytest

from app.local_api import with_profile_api
from app.profile import PROFILES
from app.runtime import Running
from core.domain.access import Actor, LockOut, Origin
from core.domain.messages import LoadLockOut
from core.errors import SettingInvalid

SIM = '[account]\nmode = "sim"\n'


@pytest.fixture
def running():
    stopped = []

    async def stop() -> None:
        stopped.append(True)

    async def execute(command, actor):
        assert isinstance(command, LoadLockOut)
        return LockOut()

    made = Running(execute, Actor("owner", "admin", Origin.WINDOW, "s"), stop)
    return made, stopped


def profile(tmp_path, text):
    folder = tmp_path / PROFILES / "one"
    folder.mkdir(parents=True)
    (folder / "profile.toml").write_text(text)
    return folder


async def test_throwaway_profile_has_no_api(running):
    assert await with_profile_api(running[0], None, {}) is running[0]


async def test_profile_without_the_switch_has_no_api(running, tmp_path):
    assert await with_profile_api(running[0], profile(tmp_path, SIM), {}) is running[0]


async def test_profile_with_the_switch_and_no_key_stops_the_core(running, tmp_path):
    folder = profile(tmp_path, f"{SIM}[api]\nenabled = true\n")

    with pytest.raises(SettingInvalid):
        await with_profile_api(running[0], folder, {})

    assert running[1] == [True]


async def test_profile_with_the_switch_and_a_key_opens_it_and_closes_it_with_the_core(
    running, tmp_path, unused_tcp_port
):
    folder = profile(tmp_path, f"{SIM}[api]\nenabled = true\nport = {unused_tcp_port}\n")

    opened = await with_profile_api(running[0], folder, {"API_KEYS": "k" * 32 + ":viewer"})

    assert opened is not running[0]
    assert running[1] == []
    await opened.stop()
    assert running[1] == [True]


async def test_settings_that_are_none_of_ours_stop_the_core(running, tmp_path):
    folder = profile(tmp_path, "[account]\nmode = 'play'\n")

    with pytest.raises(SettingInvalid):
        await with_profile_api(running[0], folder, {})

    assert running[1] == [True]
