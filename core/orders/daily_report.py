"""The report of a market day, put together from the book and the record, never from memory (C4)."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from core.clock import Clock
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditRecord
from core.domain.breakers import BreakerState
from core.domain.execution import Fill
from core.domain.messages import ExportDailyReport, LoadDailyReport
from core.domain.money import ZERO
from core.domain.records import AuditQuery
from core.domain.reports import CodeCount, DailyReport, LimitPeak, Slip
from core.domain.risk import Outcome
from core.errors import BadInput, RefusalCode, Refused
from core.ids import ClOrdId
from core.orders.gather import LiveState
from core.orders.report_files import write
from core.portfolio.day import day_begins, market_date
from core.ports.storage import Reader, Store
from core.risk.slippage import decision_price, slip, slip_pct

_PAGE = 1_000
_MOST_STEPS = 1_000
_ALL_CLOSES = 1_000_000
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LATER = timedelta(days=36_500)
_HUNDRED = Decimal(100)


class DailyReports:
    """Answers for the report of a day. Runs on the core loop; the work is done on a read thread."""

    def __init__(self, state: LiveState, store: Store, clock: Clock) -> None:
        self._state = state
        self._store = store
        self._clock = clock

    async def export(self, command: ExportDailyReport, actor: Actor) -> tuple[Path, ...]:
        """Write the report of a day into a folder.

        Raises:
            BadInput: the folder cannot be written to.
        """
        report = await self.load(LoadDailyReport(command.market_date), actor)
        try:
            return await asyncio.to_thread(write, report, command.folder)
        except OSError as error:
            raise BadInput(str(command.folder), f"the report could not be written: {error}") from error

    async def load(self, command: LoadDailyReport, actor: Actor) -> DailyReport:
        """Put the report of a day together.

        Raises:
            Refused: `NOT_FOUND`: what it is made of stands in archives, in part at least.
        """
        del actor
        now, session = self._clock.now(), self._state.session
        today = market_date(now if session is None else session.now)
        day = command.market_date or today

        def query(reader: Reader) -> DailyReport | None:
            return None if _is_archived(reader, day, now) else report_of(reader, day, now)

        report = await self._store.read(query)
        if report is None:
            words = f"Fills or records of {day} stand in archives: there is no report of that day any more."
            raise Refused(RefusalCode.NOT_FOUND, words)
        return report


def _is_archived(reader: Reader, day: date, now: datetime) -> bool:
    if any(day <= market_date(each.up_to) for each in reader.fill_archives()):
        return True
    segments = reader.audit_segments()
    if not segments:
        return False
    (oldest,) = reader.audit_records(segments[-1].last_seq, 1)  # the newest of all is never archived
    since, (start, _) = datetime.fromtimestamp(oldest.ts_utc_us / 1_000_000, UTC), _span(reader, day, now)
    return start < since if start > _FIRST else day < market_date(since)


def report_of(reader: Reader, day: date, now: datetime) -> DailyReport:
    """Put the report of a market day together, of what one reader sees.

    Orders, cancels and refusals have our time, fills have market time. In our time a day lasts from the
    record of the close before it to that of its own close, so that a replay at any speed has days too.
    """
    start, end = _span(reader, day, now)
    records = tuple(_records(reader, start, end))
    sent = [
        ClOrdId(each.cl_ord_id)
        for each in records
        if each.action in (AuditAction.ORDER_PREPARED, AuditAction.REPLACE_REQUESTED)
    ]
    verdicts = {cl_ord_id: json.loads(reader.verdict(cl_ord_id) or "{}") for cl_ord_id in sent}
    counts = Counter(each.action for each in records)
    fills = _fills(reader, day)
    slips = _slips(reader, fills)
    traded = sum((fill.value for fill in _standing(fills)), ZERO)
    outcomes = (reader.outcome(fill.exec_id) for fill in fills)
    return DailyReport(
        market_date=day,
        made_at=now,
        orders=len(sent),
        cancels=counts[AuditAction.CANCEL_REQUESTED],
        rejects=counts[AuditAction.ORDER_REJECTED],
        refusals=_counted(_refusals(records)),
        overrides=_counted(_overrides(verdicts.values())),
        limits=_limits(verdicts),
        slips=slips,
        average_slip_pct=_average(slips),
        fills=len(_standing(fills)),
        traded=traded,
        fees=sum((fill.fee for fill in fills), ZERO),
        realised=sum((each.realised for each in outcomes if each is not None), ZERO),
        trips=tuple(
            step
            for step in reversed(reader.breaker_steps(_MOST_STEPS))
            if step.state is BreakerState.TRIPPED and start < step.at <= end
        ),
        alarms=counts[AuditAction.ALARM_ACKNOWLEDGED],
    )


def _span(reader: Reader, day: date, now: datetime) -> tuple[datetime, datetime]:
    closes = {each.market_date: each.taken_at for each in reader.snapshots(_ALL_CLOSES)}
    before = [at for each, at in closes.items() if each < day]
    after = [at for each, at in closes.items() if each >= day]
    return max(before, default=_FIRST), min(after, default=now + _LATER)


def _records(reader: Reader, start: datetime, end: datetime) -> Iterator[AuditRecord]:
    before: int | None = None
    while True:
        page = reader.audit_page(AuditQuery(before_seq=before, limit=_PAGE))
        for record in page:
            at = datetime.fromtimestamp(record.ts_utc_us / 1_000_000, UTC)
            if at <= start:
                return
            if at <= end:
                yield record
        if len(page) < _PAGE:
            return
        before = page[-1].seq


def _fills(reader: Reader, day: date) -> tuple[Fill, ...]:
    fills = reader.fills_since(day_begins(day))
    return tuple(fill for fill in fills if market_date(fill.transact_time) == day)


def _standing(fills: Iterable[Fill]) -> tuple[Fill, ...]:
    kept = tuple(fills)
    gone = {fill.corrects for fill in kept}
    return tuple(fill for fill in kept if fill.corrects is None and fill.exec_id not in gone)


def _slips(reader: Reader, fills: Iterable[Fill]) -> tuple[Slip, ...]:
    found = []
    for fill in _standing(fills):
        decision_px = None if fill.inferred else decided_at(reader, fill.cl_ord_id)
        if decision_px is not None and decision_px > 0:
            cost = slip(fill.side, decision_px, fill.last_px) * fill.last_qty
            pct = slip_pct(fill.side, decision_px, fill.last_px)
            found.append(
                Slip(
                    fill.exec_id,
                    fill.cl_ord_id,
                    fill.symbol,
                    fill.last_qty,
                    fill.last_px,
                    decision_px,
                    pct,
                    cost,
                )
            )
    return tuple(sorted(found, key=lambda each: each.pct, reverse=True))


def decided_at(reader: Reader, cl_ord_id: ClOrdId) -> Decimal | None:
    """Return the dollars a share that an order's decision counted on; None where there is no such price.

    It is stored with the judgement; of a leg, which nobody judged by itself, it is its stop.
    """
    stored = json.loads(reader.verdict(cl_ord_id) or "{}").get("decision_px")
    if stored is not None:
        return Decimal(stored)
    order = reader.order(cl_ord_id)
    is_leg = order is not None and not order.external and order.list_id is not None
    return decision_price(order.terms, None) if order is not None and is_leg else None


def _average(slips: Iterable[Slip]) -> Decimal | None:
    kept = tuple(slips)
    value = sum((each.decision_px * each.qty for each in kept), ZERO)
    return sum((each.cost for each in kept), ZERO) * _HUNDRED / value if value else None


def _refusals(records: Iterable[AuditRecord]) -> Iterator[str]:
    for record in records:
        if record.action == AuditAction.ORDER_REFUSED:
            facts = json.loads(record.payload)
            yield from facts.get("rules") or [facts.get("code", "")]


def _overrides(verdicts: Iterable[dict[str, object]]) -> Iterator[str]:
    # What was sent with a soft finding was acknowledged, or it would not have been sent.
    for verdict in verdicts:
        for result in _results(verdict):
            if result["outcome"] == Outcome.SOFT.value:
                yield str(result["code"])


def _limits(verdicts: dict[ClOrdId, dict[str, object]]) -> tuple[LimitPeak, ...]:
    worst: dict[str, LimitPeak] = {}
    for cl_ord_id, verdict in verdicts.items():
        for result in _results(verdict):
            used = _used_pct(result)
            code = str(result["code"])
            if used is not None and (code not in worst or used > worst[code].used_pct):
                worst[code] = LimitPeak(code, used, cl_ord_id)
    return tuple(sorted(worst.values(), key=lambda each: each.used_pct, reverse=True))


def _results(verdict: dict[str, object]) -> list[dict[str, object]]:
    found = verdict.get("results", [])
    return found if isinstance(found, list) else []


def _used_pct(result: dict[str, object]) -> Decimal | None:
    if result.get("value") is None or result.get("limit") is None:
        return None
    value, limit = Decimal(str(result["value"])), Decimal(str(result["limit"]))
    return value * _HUNDRED / limit if limit > 0 and value >= 0 else None


def _counted(codes: Iterable[str]) -> tuple[CodeCount, ...]:
    return tuple(CodeCount(code, count) for code, count in Counter(codes).most_common())
