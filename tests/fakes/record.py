"""What a core has published, recorded, kept and said to its log, as lines beside a file."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from difflib import unified_diff
from enum import Enum
from pathlib import Path
from pprint import pformat
from typing import Any

import pytest

from core.domain import messages as m
from core.domain.access import Actor
from core.domain.messages import FillBooked, Notice, OrderChanged
from core.domain.order import Order
from core.errors import InvestIQError, Refused
from core.failpoints import disarm_all
from tests.fakes.breaker_rig import easy, settled
from tests.fakes.rig import Rig
from tests.guards import heard

OUR_ID = re.compile(r"IQ-[\w-]{33}")
PART = re.compile(r"^== (\w+)\n(.*?)(?=^== |\Z)", re.DOTALL | re.MULTILINE)
# A verdict has a file of its own; here it would hide the rest.
LONG = 300
# Written with every fact that they carry. Of those that come with every price the last one is.
WHOLE = (
    m.AlarmEscalated, m.AlarmsChanged, m.BackupMoved, m.BreakerChanged, m.EquityClosed, m.KillProgressed,
    m.LinkChanged, m.OrderLookedUp, m.ProposalChanged, m.Reconciled, m.RiskParametersChanged,
    m.TargetProfileChanged, m.TradingStateChanged,
)  # fmt: skip
# How far the disk is when the kill switch tells of its progress is the disk's to say.
ON_THE_WAY = (m.KillStage.CANCELLING, m.KillStage.FLATTENING)
LAST = (m.AccountMarked, m.PortfolioMarked, m.PositionMarked)


class RecordedRig(Rig):
    """Drives one core, and knows the names of the work that it has begun."""

    async def start(self) -> "RecordedRig":
        self._begun: list[asyncio.Task[Any]] = []
        asyncio.get_running_loop().set_task_factory(self._begin_task)
        await super().start()
        return self

    def _begin_task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **facts: Any
    ) -> "asyncio.Task[Any]":
        task = asyncio.Task(work, loop=loop, **facts)
        self._begun.append(task)
        return task

    def work(self) -> list[str]:
        """Return each name once; those that asyncio gives of itself are no names."""
        return sorted({task.get_name() for task in self._begun if not task.get_name().startswith("Task-")})


@asynccontextmanager
async def recorded(folder: Path) -> AsyncIterator[RecordedRig]:
    """Give a desk with usual limits that has come to rest; whatever was made to fail is whole again after."""
    rig = await RecordedRig(folder, limits=easy()).start()
    await settled(rig)
    yield rig
    disarm_all()
    await rig.stop()


class Asked:
    """Gives commands, and keeps what was answered in words.

    Attributes:
        door: whom they are given to.
    """

    def __init__(self, rig: Rig, *, shows: bool = False) -> None:
        self.rig = rig
        self.shows = shows
        self.door: Callable[[Any, Actor], Coroutine[Any, Any, Any]] = rig.core.desk.execute
        self.answers: list[str] = []

    async def __call__(
        self, command: m.Command, by: str | Actor = "trader", *, seconds: float = 0, step: float = 0.5
    ) -> object:
        actor = self.rig.actor(by) if isinstance(by, str) else by
        working = asyncio.get_running_loop().create_task(self.door(command, actor))
        await self.rig.quiet()
        if not working.done():
            await self.rig.wait(seconds, step, refresh=False)
        words, answer = f"answer {type(command).__name__}", None
        try:
            answer = await working
        except Refused as refusal:
            facts = "".join(f", {name} {value}" for name, value in sorted(refusal.details.items()))
            self.answers.append(f"{words}: {refusal.code}: {refusal.message}{facts}")
        except InvestIQError as error:
            self.answers.append(f"{words}: {type(error).__name__}: {error}")
        else:
            shown = pformat(answer, width=150) if self.shows else named(answer)
            self.answers.extend(f"{words}: {shown}".splitlines())
        return answer


def named(answer: object) -> str:
    """Say what an answer is; of an order, which one and how it stands."""
    order = answer.order if isinstance(answer, m.Submitted) else answer
    if not isinstance(order, Order):
        return type(answer).__name__
    repeated = ", repeated" if isinstance(answer, m.Submitted) and answer.repeated else ""
    return f"{type(answer).__name__} {order.cl_ord_id} {order.ord_status}{repeated}"


def after(at: datetime | None, begun: datetime) -> str:
    return "-" if at is None else f"{(at - begun).total_seconds():g}"


def kept(order: Order, begun: datetime) -> str:
    """Write an order with every fact that is known of it."""
    flags = ("acked", "unknown", "gave_up", "external", "suspended")
    facts = [
        str(order.ord_status),
        f"{order.side.value} {order.order_qty} of {order.symbol}, {order.cum_qty} at {order.avg_px}",
        f"pending {order.pending}, broker {order.order_id}, in place of {order.orig_cl_ord_id}",
        " ".join(after(at, begun) for at in (order.created_at, order.sent_at, order.updated_at)),
        " ".join(flag for flag in flags if getattr(order, flag)),
        order.text,
    ]
    return f"order {order.cl_ord_id}: {'; '.join(facts)}"


def told(event: object, begun: datetime) -> str | None:
    if isinstance(event, OrderChanged):
        return kept(event.order, begun)
    if isinstance(event, Notice):
        return f"notice {event.severity.value}: {event.text} [{event.subject}]"
    if isinstance(event, FillBooked):
        fill = event.fill
        return f"fill {fill.cl_ord_id}: {fill.signed_qty} at {fill.last_px}, holds {event.position.qty}"
    return None


def is_on_the_way(event: object) -> bool:
    return isinstance(event, m.KillProgressed) and event.report.stage in ON_THE_WAY


def brief(value: object, begun: datetime) -> str:
    """Write a value on one line; a fact that is what it is for want of another is left out."""
    if isinstance(value, Order):
        return f"{value.cl_ord_id} {value.ord_status}"
    if isinstance(value, datetime):
        return f"{after(value, begun)} s"
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, tuple | list | frozenset | deque):
        parts = [brief(each, begun) for each in value]
        return f"[{', '.join(sorted(parts) if isinstance(value, frozenset) else parts)}]"
    if is_dataclass(value):
        facts = ((each, getattr(value, each.name)) for each in fields(value))
        shown = [f"{each.name} {brief(fact, begun)}" for each, fact in facts if fact != each.default]
        return f"{type(value).__name__}({', '.join(shown)})"
    return repr(value)


def logged(folder: Path) -> list[str]:
    """Return all that the test has said to the log, but where its files are."""
    lines = (
        f"log {name}: {', '.join(f'{fact} {value}' for fact, value in facts.items())}"
        for name, facts in heard()
    )
    return [line.replace(str(folder), "FOLDER") for line in lines]


async def transcript(rig: RecordedRig, begun: datetime, *answers: str, longest: int = LONG) -> list[str]:
    """Return events, records, what was answered and said to the log, with our ids numbered as they come."""
    lines = [line for line in (told(event, begun) for event in rig.events) if line is not None]
    # By kind: threads decide which of two that have nothing to do with one another comes first.
    events = (event for kind in WHOLE for event in rig.events if isinstance(event, kind))
    lines.extend(f"event {brief(event, begun)}" for event in events if not is_on_the_way(event))
    last = {type(event): event for event in rig.events if isinstance(event, LAST)}
    lines.extend(f"last {brief(event, begun)}" for event in last.values())
    # The first record names the database.
    for each in await rig.store.read(lambda reader: reader.audit_records(1, 10_000)):
        payload = each.payload if len(each.payload) < longest else "..."
        lines.append(
            f"record {each.action} by {each.actor}/{each.role}: {each.entity} [{each.order_id}] "
            f"[{each.cl_ord_id}] {payload}"
        )
    lines.extend(answers)
    lines.extend(logged(rig.folder))
    lines.extend(f"work {name}" for name in rig.work())
    return numbered(lines)


def numbered(lines: list[str]) -> list[str]:
    """Number our ids as they come."""
    names: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return names.setdefault(found.group(), f"#{len(names) + 1}")

    return [OUR_ID.sub(number, line) for line in lines]


def lay_beside(request: pytest.FixtureRequest, file: Path, part: str, said: list[str]) -> None:
    """Hold one part of the file against what is said now."""
    parts = dict(PART.findall(file.read_text()))
    if request.config.getoption("rewrite_golden"):
        parts[part] = "".join(f"{line}\n" for line in said)
        file.write_text("".join(f"== {name}\n{parts[name]}" for name in sorted(parts)))

    before = parts[part].splitlines()
    assert said == before, "\n".join(unified_diff(before, said, n=1, lineterm=""))
