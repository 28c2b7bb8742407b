"""What a core has published, recorded and kept, as lines beside a file."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from core.domain.messages import FillBooked, Notice, OrderChanged
from core.domain.order import Order
from tests.fakes.rig import Rig

OUR_ID = re.compile(r"IQ-[\w-]{33}")
PART = re.compile(r"^== (\w+)\n(.*?)(?=^== |\Z)", re.DOTALL | re.MULTILINE)
# A verdict has a file of its own; here it would hide the rest.
LONG = 300


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


async def transcript(rig: Rig, begun: datetime, *answers: str, longest: int = LONG) -> list[str]:
    """Return events, records and what was answered, with our ids numbered as they come."""
    lines = [line for line in (told(event, begun) for event in rig.events) if line is not None]
    # The first record names the database.
    for each in await rig.store.read(lambda reader: reader.audit_records(1, 10_000)):
        payload = each.payload if len(each.payload) < longest else "..."
        lines.append(
            f"record {each.action} by {each.actor}/{each.role}: {each.entity} [{each.order_id}] "
            f"[{each.cl_ord_id}] {payload}"
        )
    lines.extend(answers)
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
