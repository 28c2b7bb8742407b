"""Watchlists, settings, bars and proofs: questions that are no orders."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.market import Bar, Timeframe
from core.domain.messages import (
    BarChanged,
    ExplainOrder,
    ExplainPosition,
    FollowAudit,
    ImportWatchlist,
    KeepProfile,
    LoadAudit,
    LoadBars,
    LoadFills,
    LoadSnapshot,
    RemoveWatchlist,
    SaveSetting,
    SaveWatchlist,
    SetConfirmAlways,
)
from core.domain.money import Price, Qty
from core.domain.records import AuditQuery, Watchlist
from core.domain.terms import Side
from core.errors import BadInput, RefusalCode, Refused, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.ids import ClOrdId, ExecId, Symbol
from core.orders.clerk import read_symbols
from core.portfolio.provenance import readds
from tests.builders import AAPL
from tests.fakes.market import MSFT
from tests.fakes.rig import Rig, draft


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    disarm_all()
    await made.stop()


async def code_of(rig: Rig, command) -> RefusalCode:
    with pytest.raises(Refused) as caught:
        await rig.do(command)
    return caught.value.code


async def test_a_watchlist_is_kept_over_a_restart_and_can_be_removed(rig: Rig) -> None:
    await rig.do(SaveWatchlist(Watchlist("Tech", (MSFT, AAPL))))
    await rig.kill()
    await rig.start()
    kept = (await rig.do(LoadSnapshot())).watchlists

    left = await rig.do(RemoveWatchlist("Tech"))

    assert kept == (Watchlist("Tech", (MSFT, AAPL)),)
    assert left == ()


async def test_a_watchlist_without_a_name_or_with_unknown_symbols_is_refused(rig: Rig) -> None:
    nameless = await code_of(rig, SaveWatchlist(Watchlist(" ", (AAPL,))))
    unknown = await code_of(rig, SaveWatchlist(Watchlist("A", (Symbol("NOPE"),))))

    assert (nameless, unknown) == (RefusalCode.MALFORMED, RefusalCode.UNKNOWN_SYMBOL)


async def test_a_list_is_imported_from_the_column_named_symbol(rig: Rig) -> None:
    path = rig.folder / "list.csv"
    path.write_text("name,Symbol\nApple,aapl\nMicrosoft, MSFT \nApple,AAPL\n")

    done = await rig.do(ImportWatchlist("Mine", path))

    assert done == Watchlist("Mine", (AAPL, MSFT))


async def test_an_import_with_a_symbol_that_is_not_known_names_its_line_and_stores_nothing(rig: Rig) -> None:
    path = rig.folder / "list.csv"
    path.write_text("AAPL\nNOPE\n")

    with pytest.raises(BadInput, match="line 2"):
        await rig.do(ImportWatchlist("Mine", path))

    assert await rig.store.read(lambda reader: reader.watchlists()) == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"symbol\n", "no symbols"),
        (b"name,symbol\nApple\n", "line 2: expected a symbol"),
        (b"\xff\xfe", "UTF-8"),
        (b"A\n" * 2001, "2000 symbols"),
        (b"A" * (4 * 1024 * 1024 + 1), "4 MB"),
    ],
    ids=["empty", "heading only", "gap", "encoding", "too many", "too large"],
)
def test_a_file_that_is_no_list_is_refused_with_what_was_expected(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)

    with pytest.raises(BadInput, match=words):
        read_symbols(path)


def test_a_file_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_symbols(tmp_path / "none.csv")


async def test_settings_are_kept_and_one_that_is_too_long_is_refused(rig: Rig) -> None:
    await rig.do(SaveSetting("theme", '"dark"'))

    code = await code_of(rig, SaveSetting("theme", "x" * 300_000))

    assert code is RefusalCode.MALFORMED
    assert (await rig.do(LoadSnapshot())).settings["theme"] == '"dark"'


async def test_a_switch_that_cannot_be_written_stays_as_it_was(rig: Rig) -> None:
    def refuse() -> None:
        raise StorageUnwritable("full")

    arm("uow.save_setting", refuse)

    with pytest.raises(StorageUnwritable):
        await rig.do(SetConfirmAlways(on=True))

    assert not rig.core.gate.settings.always


async def test_bars_of_a_symbol_that_is_not_known_are_refused(rig: Rig) -> None:
    code = await code_of(rig, LoadBars(Symbol("NOPE"), Timeframe.M1))

    assert code is RefusalCode.UNKNOWN_SYMBOL
    assert await rig.do(LoadBars(AAPL, Timeframe.M1)) == ()


async def test_a_position_is_explained_by_fills_that_re_add(rig: Rig) -> None:
    await rig.submit(draft(qty=30))
    await rig.submit(draft(Side.SELL, 12))

    proof = await rig.do(ExplainPosition(AAPL))

    assert readds(proof)
    assert proof.position.qty == 18
    assert await code_of(rig, ExplainPosition(MSFT)) is RefusalCode.NO_POSITION


async def test_fills_that_do_not_re_add_are_an_alarm_and_are_shown_all_the_same(rig: Rig) -> None:
    await rig.submit(draft(qty=30))
    (fill,) = await rig.store.read(lambda reader: reader.fills())
    await rig.store.write(lambda uow: uow.insert_fill(replace(fill, exec_id=ExecId("X-stray"))))

    proof = await rig.do(ExplainPosition(AAPL))

    assert len(proof.fills) == 2
    assert any("do not add up" in text for text in rig.alarms())


async def test_the_running_bar_of_the_chart_follows_the_quotes(rig: Rig) -> None:
    px, at = Price("100.00"), rig.market.now.replace(second=0)
    rig.market.feed.bars = bars_of(Bar(AAPL, at, px, px, px, px, Qty(1)))
    await rig.do(LoadBars(AAPL, Timeframe.M1))

    rig.market.show(AAPL, last=Price("100.05"))
    await rig.quiet()

    changed = [event.bar for event in rig.events if isinstance(event, BarChanged)]
    assert [(bar.time, bar.high, bar.close) for bar in changed] == [(at, Price("100.05"), Price("100.05"))]


def bars_of(bar: Bar):
    async def bars(symbol: Symbol, timeframe: Timeframe, limit: int) -> tuple[Bar, ...]:
        return (bar,)

    return bars


async def test_a_position_is_explained_without_a_price_too(rig: Rig) -> None:
    await rig.submit(draft(qty=30))
    rig.core.state.quotes._quotes.clear()

    proof = await rig.do(ExplainPosition(AAPL))

    assert (proof.last, proof.unrealised) == (None, None)


async def test_an_order_is_explained_by_its_verdict_and_reports(rig: Rig) -> None:
    order = await rig.submit(draft(qty=3))

    story = await rig.do(ExplainOrder(order.cl_ord_id))

    assert [report.exec_type.value for report in story.reports] == ["new", "trade"]
    assert '"code":"buying_power"' in story.verdict
    assert await code_of(rig, ExplainOrder(ClOrdId("IQ-none"))) is RefusalCode.UNKNOWN_ORDER


async def test_the_snapshot_shows_orders_fills_positions_marks_and_links(rig: Rig) -> None:
    await rig.submit(draft(qty=3))

    snapshot = await rig.do(LoadSnapshot())

    assert [order.order_qty for order in snapshot.orders] == [3]
    assert [mark.qty for mark in snapshot.marks] == [3]
    assert [fill.last_qty for fill in snapshot.fills] == [3]
    assert {link.state.value for link in snapshot.links.values()} == {"up"}
    assert snapshot.watchlists == (Watchlist("Main", (AAPL, MSFT)),)


async def test_the_audit_log_is_searched_page_by_page(rig: Rig) -> None:
    await rig.submit(draft(qty=3))

    page = await rig.do(LoadAudit(AuditQuery(limit=2)))

    assert len(page.records) == 2
    assert page.has_more


async def test_a_profile_that_nobody_can_keep_is_refused(rig: Rig) -> None:
    with pytest.raises(Refused):
        await rig.do(KeepProfile("a", "b"))


async def test_fills_are_followed_page_by_page_oldest_first(rig: Rig) -> None:
    for _ in range(3):
        await rig.submit(draft(Side.BUY, 10))
    first = await rig.do(LoadFills(limit=2))
    rest = await rig.do(LoadFills(after=first.fills[-1].exec_id, limit=2))

    nothing = await rig.do(LoadFills(after=rest.fills[-1].exec_id))

    assert (len(first.fills), first.has_more) == (2, True)
    assert (len(rest.fills), rest.has_more) == (1, False)
    assert (nothing.fills, nothing.has_more) == ((), False)
    assert [*first.fills, *rest.fills] == list(await rig.store.read(lambda reader: reader.fills()))


async def test_fills_after_one_that_is_not_there_are_refused(rig: Rig) -> None:
    assert await code_of(rig, LoadFills(after=ExecId("nope"))) is RefusalCode.NOT_FOUND


@pytest.mark.parametrize("limit", [0, -1, 1_001])
async def test_a_page_of_no_or_too_many_rows_is_refused(rig: Rig, limit: int) -> None:
    assert await code_of(rig, LoadFills(limit=limit)) is RefusalCode.MALFORMED
    assert await code_of(rig, FollowAudit(limit=limit)) is RefusalCode.MALFORMED


async def test_the_record_is_followed_from_a_number_on(rig: Rig) -> None:
    first = await rig.do(FollowAudit(limit=1))
    rest = await rig.do(FollowAudit(after_seq=1))

    beyond = await rig.do(FollowAudit(after_seq=10**30))

    assert ([each.seq for each in first.records], first.has_more) == ([1], True)
    assert [each.seq for each in rest.records] == list(range(2, len(rest.records) + 2))
    assert not rest.has_more
    assert not beyond.records
