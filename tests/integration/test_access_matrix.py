"""Every command there is, by whatever way in, in every role and in none: refused unless the table has it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.runtime import CoreThread, Running
from core.access.policy import AGENTS, PERMISSIONS
from core.access.session import PASSING
from core.domain import messages as m
from core.domain.access import Actor, Origin
from core.errors import RefusalCode, Refused
from tests.fakes.rig import Rig

ROLES = ("viewer", "trader", "admin")
NO_ROLES = (
    "", " ", "None", "null", "readonly", "ADMIN ", "ADMIN", "Admin", "admin\n", "Trader", "vie\u0455er", "*"
)  # fmt: skip
# What waits for a passphrase while the window is locked, by hand: a new command needs a decision.
WAITING = {
    "AcknowledgeAlarms", "AcknowledgeBreaker", "ExportDailyReport", "ImportWatchlist", "KeepProfile",
    "MakeBackup", "ProposeOrder", "RemoveWatchlist", "ResendOrder", "ResumeTrading", "ReviewProposal",
    "SaveWatchlist", "SetConfirmAlways", "SetLockAfter", "SetRiskParameters", "StopBackup",
    "UpdateTargetProfile",
}  # fmt: skip


def _kinds(kind: type[m.Command[Any]] = m.Command) -> Iterator[type[m.Command[Any]]]:
    for each in kind.__subclasses__():
        # A dataclass with slots is made anew, and the class that it was made of lingers.
        is_current = getattr(sys.modules[each.__module__], each.__name__, None) is each
        if each.__module__.startswith("core.") and is_current:
            yield each
        yield from _kinds(each)


KINDS = sorted(set(_kinds()), key=lambda kind: kind.__name__)


def _bare(kind: type[m.Command[Any]]) -> m.Command[Any]:
    # Whoever authorises looks at the kind only; nothing of it is carried out here.
    return object.__new__(kind)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A whole core in which every command is only noted."""
    rig = await Rig(tmp_path).start()
    desk = rig.core.desk

    async def note(command: m.Command[Any], actor: Actor) -> str:
        return f"{type(command).__name__} by {actor.role}"

    for kind in desk.commands:
        desk._handlers[kind] = note
    yield rig
    await rig.stop()


def test_every_command_has_its_roles_and_is_decided_on_for_the_lock():
    assert set(KINDS) == set(PERMISSIONS)
    assert all(PERMISSIONS.values())
    assert {kind.__name__ for kind in set(KINDS) - PASSING} == WAITING
    assert set(KINDS) >= PASSING


async def test_every_command_is_carried_out_by_somebody(rig: Rig):
    assert rig.core.desk.commands == set(KINDS)


async def _outcome(door: Any, kind: type[m.Command[Any]], actor: Actor) -> str:
    try:
        return await door(_bare(kind), actor)
    except Refused as refused:
        return refused.code.value


def _expected(kind: type[m.Command[Any]], role: str, origin: Origin = Origin.WINDOW) -> str:
    if origin is Origin.AGENT and kind not in AGENTS:
        return RefusalCode.NOT_PERMITTED.value
    if role in PERMISSIONS.get(kind, frozenset()):
        return f"{kind.__name__} by {role}"
    return (RefusalCode.NOT_PERMITTED if role in ROLES else RefusalCode.UNKNOWN_ROLE).value


async def test_desk_takes_a_command_from_the_roles_of_the_table_only(rig: Rig):
    for origin in Origin:
        found = {
            (kind, role): await _outcome(rig.core.desk.execute, kind, Actor("kim", role, origin, "s"))
            for kind in KINDS
            for role in (*ROLES, *NO_ROLES)
        }
        assert found == {(kind, role): _expected(kind, role, origin) for kind, role in found}


async def test_door_takes_the_windows_commands_in_the_role_of_whoever_sits_there(rig: Rig):
    locking = rig.core.locking
    claimed = Actor("eve", "admin", Origin.WINDOW, "s")

    for role in (*ROLES, *NO_ROLES):
        locking.profile = replace(locking.profile, user="sam", role=role)
        found = {kind: await _outcome(locking.execute, kind, claimed) for kind in KINDS}
        assert found == {kind: _expected(kind, role) for kind in KINDS}


async def test_door_takes_the_programs_commands_in_the_role_of_their_key(rig: Rig):
    for origin in (Origin.API, Origin.AGENT):
        for role in (*ROLES, *NO_ROLES):
            actor = Actor("api-1", role, origin, "s")
            found = {kind: await _outcome(rig.core.locking.execute, kind, actor) for kind in KINDS}
            assert found == {kind: _expected(kind, role, origin) for kind in KINDS}


@pytest.mark.parametrize("role", ["viewer", "ADMIN "])
async def test_bridge_hands_over_what_the_role_allows_only(rig: Rig, role: str):
    locking = rig.core.locking
    locking.profile = replace(locking.profile, role=role)
    here = asyncio.get_running_loop()

    async def execute(command: m.Command[Any], actor: Actor) -> Any:
        # The core under test lives on this loop, the bridge's end on its own thread.
        answer: Future[Any] = Future()

        async def carry_out() -> None:
            try:
                answer.set_result(await locking.execute(command, actor))
            except Refused as refused:
                answer.set_exception(refused)

        here.call_soon_threadsafe(lambda: rig.core.tasks.spawn(carry_out(), "test"))
        return await asyncio.wrap_future(answer)

    async def stop() -> None:
        return

    async def start() -> Running:
        return Running(execute, Actor("eve", "admin", Origin.WINDOW, "s"), stop)

    thread = CoreThread(start)
    thread.begin()
    found = {}
    for kind in KINDS:
        try:
            found[kind] = await asyncio.wrap_future(thread.send(_bare(kind)))
        except Refused as refused:
            found[kind] = refused.code.value
    thread.end()
    await asyncio.wrap_future(thread.ended)

    assert found == {kind: _expected(kind, role) for kind in KINDS}


async def test_locked_session_takes_what_passes_and_nothing_else_from_anybody(rig: Rig):
    rig.core.locking._set(is_locked=True)

    for origin in Origin:
        actor = Actor("kim", "admin", origin, "s")
        found = {kind: await _outcome(rig.core.desk.execute, kind, actor) for kind in KINDS}
        reaching = AGENTS if origin is Origin.AGENT else set(KINDS)
        waiting = {kind.__name__ for kind in reaching} & WAITING
        assert {kind.__name__ for kind in KINDS if found[kind] == "locked"} == waiting
