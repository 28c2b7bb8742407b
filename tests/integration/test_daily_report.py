"""The report of a market day: counted from the book and the record, after a restart as before."""

import asyncio
import csv
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.audit import AuditAction
from core.domain.breakers import BreakerName
from core.domain.market import MarketSession, SessionPhase
from core.domain.messages import CancelOrder, ExportDailyReport, LoadDailyReport, SubmitOrder
from core.domain.reports import CodeCount, DailyReport
from core.domain.terms import NewOrderSingle
from core.errors import BadInput, BrokerRejected, Refused
from core.orders import daily_report
from core.orders.report_files import as_csv
from tests.fakes.breaker_rig import lose, start
from tests.fakes.market import OPENS
from tests.fakes.rig import EVERY_RULE, Rig, draft

DAY = OPENS.date()


async def report(rig: Rig) -> DailyReport:
    return await rig.do(LoadDailyReport(DAY), "viewer")


async def test_it_counts_orders_cancels_rejects_refusals_and_overrides(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    resting = await rig.submit(draft(price="99.90"))
    await rig.do(CancelOrder(resting.cl_ord_id))
    usual = rig.market.broker.submit

    async def reject(order: NewOrderSingle) -> None:
        raise BrokerRejected("not today")

    rig.market.broker.submit = reject
    await rig.submit(draft(qty=3))
    rig.market.broker.submit = usual
    with pytest.raises(Refused):
        await rig.do(SubmitOrder(draft(qty=30_000), rig.key(), EVERY_RULE))
    await rig.submit(draft(qty=150))  # dear enough to be asked about

    found = await report(rig)

    assert (found.orders, found.cancels, found.rejects) == (3, 1, 1)
    assert "order_qty" in {each.code for each in found.refusals}
    assert "order_notional" in {each.code for each in found.overrides}
    assert found.market_date == DAY
    await rig.stop()


async def test_it_re_adds_fees_and_what_was_realised(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    await lose(rig, 3)
    position = rig.core.state.positions.get(rig.core.state.positions.all()[0].symbol)

    found = await report(rig)

    assert position is not None
    assert found.fills == 6
    assert found.fees == position.fees
    assert found.realised == position.realised
    assert found.traded == 3 * (Decimal("1000.20") + Decimal("1000.00"))
    assert [each.name for each in found.trips] == [BreakerName.LOSING_STREAK]
    await rig.stop()


async def test_it_shows_the_worst_fill_and_the_average_against_the_decision(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    usual = rig.market.broker.submit

    async def late(order: NewOrderSingle) -> object:
        rig.market.quote("100.48", "100.50")
        return await usual(order)

    await rig.submit(draft(qty=10))
    rig.market.broker.submit = late
    await rig.submit(draft(qty=10, price="101.00"))

    found = await report(rig)

    worst, usual_slip = found.slips
    assert (worst.decision_px, worst.last_px, worst.cost) == (
        Decimal("100.02"),
        Decimal("100.50"),
        Decimal("4.80"),
    )
    assert usual_slip.pct == 0
    assert found.average_slip_pct == Decimal("4.80") * 100 / (Decimal("100.02") * 20)
    await rig.stop()


async def test_limits_are_shown_at_their_worst(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    await rig.submit(draft(qty=10, price="99.90"))
    larger = await rig.submit(draft(qty=50, price="99.90"))

    found = await report(rig)

    by_rule = {each.rule: each for each in found.limits}
    assert by_rule["position_limit"].cl_ord_id == larger.cl_ord_id
    assert found.limits == tuple(sorted(found.limits, key=lambda each: -each.used_pct))
    await rig.stop()


async def test_it_says_the_same_after_a_restart_and_leaves_no_trace(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    await lose(rig)
    before = await report(rig)
    await rig.kill()
    await rig.start()

    after = await report(rig)
    again = await report(rig)

    assert after.slips == before.slips
    assert (after.orders, after.fees, after.realised) == (before.orders, before.fees, before.realised)
    assert (again.orders, again.refusals) == (after.orders, after.refusals)
    await rig.stop()


async def test_it_is_written_as_json_and_as_csv_that_say_the_same(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    await lose(rig, 3)
    found = await report(rig)

    files = await rig.begin(ExportDailyReport(tmp_path, DAY), "viewer")
    for _ in range(100):
        if files.done():
            break
        await asyncio.sleep(0.01)

    as_json, as_csv = files.result()
    assert [each.name for each in files.result()] == [
        "investiq-report-2026-01-05.json", "investiq-report-2026-01-05.csv",
    ]  # fmt: skip
    told = json.loads(as_json.read_text())
    assert (told["orders"], Decimal(told["fees"])) == (found.orders, found.fees)
    assert told["trips"][0]["name"] == "losing_streak"
    rows = list(csv.reader(as_csv.read_text().splitlines()))
    assert rows[0] == ["section", "name", "value"]
    assert ["day", "orders", str(found.orders)] in rows
    assert ["day", "realised", told["realised"]] in rows
    await rig.stop()


async def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    rig = await start(tmp_path)

    waiting = await rig.begin(ExportDailyReport(tmp_path / "nowhere", DAY))
    for _ in range(100):
        if waiting.done():
            break
        await asyncio.sleep(0.01)

    with pytest.raises(BadInput) as caught:
        waiting.result()
    assert caught.value.file == str(tmp_path / "nowhere")
    assert caught.value.message.startswith("the report could not be written: ")
    await rig.stop()


async def test_it_is_the_same_however_much_is_read_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await start(tmp_path)
    await lose(rig, 3)
    resting = await rig.submit(draft(price="99.90"))
    await rig.do(CancelOrder(resting.cl_ord_id))
    whole = await report(rig)

    for size in (2, 3, 7):
        monkeypatch.setattr(daily_report, "_PAGE", size)
        assert await report(rig) == replace(whole, made_at=rig.clock.now())
    assert (whole.orders, whole.fills) == (7, 6)
    await rig.stop()


@pytest.mark.parametrize("text", ["=1+1", " @x", "\uff1dA1", "-x"])
def test_no_cell_of_the_csv_is_a_formula(text: str) -> None:
    made = _empty(refusals=(CodeCount(text, 1),))

    assert f"'{text}" in as_csv(made)


def _empty(**changes: object) -> DailyReport:
    nothing = DailyReport(
        DAY, OPENS, 0, 0, 0, (), (), (), (), None, 0, Decimal(0), Decimal(0), Decimal("-1.5"), (), 0
    )
    assert ",-1.5" in as_csv(nothing)
    return replace(nothing, **changes)  # type: ignore[arg-type]


async def test_what_comes_after_the_close_belongs_to_the_next_day(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    await rig.submit(draft(price="99.90"))
    closed = rig.market.session().closes
    rig.market.now = closed
    rig.market.session = lambda: _after(rig)  # type: ignore[method-assign]
    await rig.wait(30.0, 1.0)
    with pytest.raises(Refused):
        await rig.do(SubmitOrder(draft(), rig.key(), EVERY_RULE))

    found = await report(rig)

    actions = await rig.core.outside.store.read(rig.audit_actions())
    assert AuditAction.EQUITY_CLOSED in actions
    assert found.orders == 1
    assert found.refusals == ()
    await rig.stop()


def _after(rig: Rig) -> MarketSession:
    return MarketSession(rig.market.now, SessionPhase.POST, OPENS, rig.market.now)
