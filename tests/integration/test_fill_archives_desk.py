"""A whole core on a database whose old fills stand in an archive: figures, proofs, restarts and reports."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core.audit.sealing import Sealer
from core.domain.access import Actor, Origin
from core.domain.figures import FigureName, PartKind
from core.domain.messages import ExplainFigure, ExplainPosition, LoadDailyReport, LoadPortfolio, Reconcile
from core.domain.money import Money, Price
from core.domain.outcomes import EquitySnapshot
from core.domain.terms import Side
from core.errors import RefusalCode, Refused
from core.portfolio.archiving import FillArchiver
from core.portfolio.provenance import readds
from core.storage.archive_folder import FOLDER
from core.storage.fill_files import FillFiles
from core.storage.segments import SegmentFiles
from tests.builders import AAPL
from tests.fakes.market import MSFT
from tests.fakes.rig import Rig, draft

LATER = datetime(2027, 1, 1, tzinfo=UTC)
DESK = Actor("desk", "admin", Origin.DESK, "s1")
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
DAY = date(2026, 1, 5)


@pytest.fixture
async def rig(tmp_path) -> AsyncIterator[Rig]:
    made = await Rig(tmp_path).start()
    await made.until_ready()
    await made.submit(draft(qty=5, symbol=MSFT))
    await made.submit(draft(Side.SELL, 5, symbol=MSFT))
    await made.submit(draft(qty=10))
    await made.submit(draft(Side.SELL, 4))
    made.market.show(AAPL, last=Price("105.00"))
    await made.wait(11, 1)  # the account is confirmed anew
    yield made
    await made.stop()


async def archive(rig: Rig) -> int:
    files = FillFiles(rig.folder / FOLDER)
    made = await FillArchiver(rig.store, rig.core.journal, files).run(LATER, LATER, DESK)
    return sum(each.fills for each in made)


async def figures(rig: Rig) -> dict[tuple[FigureName, str], Decimal | None]:
    found = (await rig.do(LoadPortfolio())).figures
    both = (*found.totals, *found.weights, *found.sectors)
    for figure in both:
        proof = await rig.do(ExplainFigure(figure.name, figure.of))
        assert proof.holds
        assert sum(part.amount for part in proof.parts) == figure.value
    return {(figure.name, figure.of): figure.value for figure in both}


async def test_every_figure_and_its_proof_is_as_before(rig: Rig) -> None:
    before = await figures(rig)

    assert await archive(rig) == 1

    assert await figures(rig) == before
    proof = await rig.do(ExplainFigure(FigureName.REALISED))
    (part,) = [part for part in proof.parts if part.kind is PartKind.ARCHIVED]
    assert (part.symbol, part.archived.sums.closes) == (MSFT, 1)
    assert part.archived.file.startswith("fills-000001-")
    assert rig.alarms() == []


async def test_position_whose_lots_are_archived_is_proved_by_what_is_carried_forward(rig: Rig) -> None:
    before = await rig.do(ExplainPosition(MSFT))
    await archive(rig)

    proof = await rig.do(ExplainPosition(MSFT))

    assert (len(proof.fills), proof.closes, len(proof.archived.parts)) == (1, (), 1)
    assert (proof.position, proof.unrealised) == (before.position, before.unrealised)
    assert readds(proof)
    assert rig.alarms() == []


async def test_start_after_it_books_nothing_twice_and_finds_no_difference(rig: Rig) -> None:
    before = await figures(rig)
    await archive(rig)
    held = {each.symbol: each.qty for each in rig.core.state.positions.all()}

    await rig.kill()
    await rig.start()
    await rig.until_ready()
    run = await rig.do(Reconcile())
    rig.market.show(AAPL, last=Price("105.00"))
    await rig.wait(11, 1)

    assert run.differences == ()
    assert {each.symbol: each.qty for each in rig.core.state.positions.all()} == held
    assert rig.core.oms.tally.behind == set()
    # What was traded today is never archived, but here: so the day's figure knows less of it.
    day = (FigureName.DAY_PNL, "")
    assert (await figures(rig) | {day: None}) == (before | {day: None})
    assert rig.alarms() == []


async def test_all_that_the_broker_ever_told_may_be_told_again(rig: Rig) -> None:
    await archive(rig)
    rows = await rig.store.read(lambda reader: (reader.fills(), reader.positions()))

    await rig.core.reconciler._history.read(datetime(1970, 1, 1, tzinfo=UTC))
    for report in await rig.core.outside.broker.activities(datetime(1970, 1, 1, tzinfo=UTC)):
        await rig.core.oms.apply(report)

    assert await rig.store.read(lambda reader: (reader.fills(), reader.positions())) == rows
    assert rig.alarms() == []


async def test_report_of_a_day_whose_records_are_archived_is_refused(rig: Rig) -> None:
    segments = SegmentFiles(rig.folder / FOLDER)
    assert await Sealer(rig.store, rig.core.journal, segments).run(LATER, LATER, DESK)

    assert (await rig.do(LoadDailyReport(DAY))).fills == 4
    with pytest.raises(Refused, match="2026-01-04"):
        await rig.do(LoadDailyReport(DAY - timedelta(days=1)))

    # With a close before it, it is known when the day began.
    close = EquitySnapshot(DAY - timedelta(days=1), None, None, Money(0), missed=True, taken_at=LONG_AGO)
    await rig.store.write(lambda uow: uow.insert_snapshot(close))
    with pytest.raises(Refused, match="2026-01-05"):
        await rig.do(LoadDailyReport(DAY))


async def test_report_of_a_day_whose_fills_are_archived_is_refused_and_names_the_day(rig: Rig) -> None:
    assert (await rig.do(LoadDailyReport(DAY))).fills == 4
    await archive(rig)

    with pytest.raises(Refused, match="2026-01-05") as caught:
        await rig.do(LoadDailyReport(DAY))

    assert caught.value.code is RefusalCode.NOT_FOUND
    assert (await rig.do(LoadDailyReport(DAY + timedelta(days=1)))).fills == 0
