"""What a core has published, recorded, kept and said to its log, as lines beside a file."""

import asyncio
import re
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from core.domain.messages import FillBooked, Notice, OrderChanged
from core.domain.order import Order
from tests.fakes.rig import Rig
from tests.guards import heard

OUR_ID = re.compile(r"IQ-[\w-]{33}")
PART = re.compile(r"^== (\w+)\n(.*?)(?=^== |\Z)", re.DOTALL | re.MULTILINE)
# A verdict has a file of its own; here it would hide the rest.
LONG = 300


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

    assert said == parts[part].splitlines()
