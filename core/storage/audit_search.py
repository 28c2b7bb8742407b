"""The search of the audit panel: always a walk along an index, also between two times."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, or_, select

from core.domain.audit import AuditRecord
from core.domain.records import AuditQuery
from core.storage import tables as t

# A bound that is always there makes "the newest" a walk down the primary key, in plan and in fact.
LARGEST = 2**63 - 1
# Times have no index, but they rise with the number, but for a clock that was set back: by so much at most
# is looked past both ends.
CLOCK_BACK_US = timedelta(hours=1) // timedelta(microseconds=1)

RECORDS = select(t.audit_log, t.audit_payload.c.payload).join_from(
    t.audit_log, t.audit_payload, t.audit_log.c.seq == t.audit_payload.c.seq
)
_log = t.audit_log.c
_OLDEST = select(_log.seq).where(_log.seq >= 0).order_by(_log.seq).limit(1)
_NEWEST = select(_log.seq).where(_log.seq <= LARGEST).order_by(_log.seq.desc()).limit(1)
_TIME = select(_log.ts_utc_us).where(_log.seq == bindparam("seq"))


def audit_page(connection: Connection, query: AuditQuery) -> tuple[AuditRecord, ...]:
    """Return the newest records that a query means, newest first."""
    asked = audit_page_statement(query, *_places(connection, query))
    return tuple(AuditRecord(*row) for row in connection.execute(asked))


def audit_page_statement(query: AuditQuery, first: int, end: int) -> Select[Any]:
    """Build the search: every value is bound, `%` and `_` in a text are letters.

    Args:
        first: number from which on it looks.
        end: number before which it looks.
    """
    before = LARGEST if query.before_seq is None else query.before_seq
    asked = RECORDS.where(_log.seq < min(before, end))
    if first:
        asked = asked.where(_log.seq >= first)
    for condition in _conditions(query):
        asked = asked.where(condition)
    return asked.order_by(_log.seq.desc()).limit(max(0, query.limit))


def _conditions(query: AuditQuery) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.action:
        found.append(_log.action == query.action)
    if query.cl_ord_id:
        found.append(_log.cl_ord_id == query.cl_ord_id)
    if query.order:
        length = len(query.order)
        begins = (func.substr(each, 1, length) == query.order for each in (_log.cl_ord_id, _log.order_id))
        found.append(or_(*begins))
    if query.actor:
        found.append(_has(_log.actor, query.actor))
    if query.text:
        searched = _log.entity + "\n" + _log.action + "\n" + _log.actor + "\n" + t.audit_payload.c.payload
        found.append(_has(searched, query.text))
    if query.since_us is not None:
        found.append(_log.ts_utc_us >= query.since_us)
    if query.until_us is not None:
        found.append(_log.ts_utc_us < query.until_us)
    return found


def _has(searched: ColumnElement[str], text: str) -> ColumnElement[bool]:
    return func.lower(searched).contains(text.lower(), autoescape=True)


def _places(connection: Connection, query: AuditQuery) -> tuple[int, int]:
    first, end = 0, LARGEST
    if query.since_us is None and query.until_us is None:
        return first, end
    oldest, newest = connection.execute(_OLDEST).scalar(), connection.execute(_NEWEST).scalar()
    if oldest is None or newest is None:
        return first, end
    if query.since_us is not None:
        first = _first_from(connection, query.since_us - CLOCK_BACK_US, oldest, newest)
    if query.until_us is not None:
        end = _first_from(connection, query.until_us + CLOCK_BACK_US, oldest, newest)
    return first, end


def _first_from(connection: Connection, ts_us: int, oldest: int, newest: int) -> int:
    # Numbers are without gaps, so that halving needs twenty looks for a million records.
    low, high = oldest, newest + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(_TIME, {"seq": middle}).scalar()
        if found is not None and found < ts_us:
            low = middle + 1
        else:
            high = middle
    return low
