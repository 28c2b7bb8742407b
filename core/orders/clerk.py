"""Questions and small changes that are no orders: watchlists, settings, proofs, bars."""

import csv
from collections.abc import Callable
from pathlib import Path

from core.bus import Bus
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.market import Bar
from core.domain.messages import (
    AuditPage,
    ExplainOrder,
    FillPage,
    FollowAudit,
    ImportWatchlist,
    LoadBars,
    LoadExternal,
    LoadFills,
    OrderStory,
    QuotesChanged,
    RemoveWatchlist,
    SaveSetting,
    SaveWatchlist,
    SetConfirmAlways,
)
from core.domain.order import Order
from core.domain.records import Watchlist
from core.domain.session_commands import LOCK_AFTER
from core.errors import BadInput, RefusalCode, Refused
from core.ids import Symbol
from core.orders.enrolment import SETTING as ENROLLED
from core.orders.gate import PHRASE_TYPED, Gate
from core.orders.gather import LiveState
from core.orders.lock_out import SETTING as LOCK_OUT
from core.ports.journal import Journal, Record
from core.ports.market_data import MarketDataFeed
from core.ports.storage import Reader, Store, UnitOfWork
from core.state.bars import LiveBars

_MOST_BYTES = 4 * 1024 * 1024
_MOST_SYMBOLS = 2_000
_LONGEST_SETTING = 256 * 1024
_MOST_ROWS = 1_000
_NOT_THE_WINDOWS = frozenset({ENROLLED, LOCK_AFTER, LOCK_OUT, PHRASE_TYPED, "confirm_always", "want_stops"})
_LAST_SEQ = 2**63 - 1


class Clerk:
    """Answers from the book and keeps the person's lists and settings. Runs on the core loop."""

    def __init__(
        self, state: LiveState, store: Store, journal: Journal, feed: MarketDataFeed, gate: Gate, bus: Bus
    ) -> None:
        self._state = state
        self._store = store
        self._journal = journal
        self._feed = feed
        self._gate = gate
        self._bus = bus
        self._live_bars = LiveBars()
        self.on_lists: Callable[[tuple[Watchlist, ...]], None] = lambda _: None
        self.on_looked: Callable[[Symbol], None] = lambda _: None
        bus.subscribe(QuotesChanged, self._on_quotes)

    def _on_quotes(self, event: QuotesChanged) -> None:
        for changed in self._live_bars.apply(event.quotes):
            self._bus.publish(changed)

    async def bars(self, command: LoadBars, actor: Actor) -> tuple[Bar, ...]:
        """Ask the feed for the newest bars."""
        del actor
        if command.symbol not in self._state.instruments:
            raise Refused(RefusalCode.UNKNOWN_SYMBOL, f"{command.symbol} is not known here.")
        self.on_looked(command.symbol)
        bars = await self._feed.bars(command.symbol, command.timeframe, command.limit)
        self._live_bars.follow(command.symbol, command.timeframe, bars)
        return bars

    async def fills(self, command: LoadFills, actor: Actor) -> FillPage:
        """Answer one page of fills, oldest first.

        Raises:
            Refused: `NOT_FOUND`: there is no fill of that name.
        """
        del actor
        after, limit = command.after, _rows(command.limit)
        found = await self._store.read(lambda reader: reader.fills_after(after, limit + 1))
        if found is None:
            raise Refused(RefusalCode.NOT_FOUND, f"There is no fill {after}, or it stands in an archive.")
        return FillPage(found[:limit], has_more=len(found) > limit)

    async def external(self, command: LoadExternal, actor: Actor) -> frozenset[Symbol]:
        """Name the symbols that are held, in part at least, by orders of others."""
        del command, actor
        return frozenset(await self._store.read(lambda reader: reader.external_lots()))

    async def follow_audit(self, command: FollowAudit, actor: Actor) -> AuditPage:
        """Answer one page of the audit log, oldest first."""
        del actor
        after, limit = min(max(0, command.after_seq), _LAST_SEQ), _rows(command.limit)
        found = await self._store.read(lambda reader: reader.audit_records(after, limit + 1))
        return AuditPage(found[:limit], has_more=len(found) > limit)

    async def explain_order(self, command: ExplainOrder, actor: Actor) -> OrderStory:
        """Return an order with its stored judgement and every report."""
        del actor

        def query(reader: Reader) -> tuple[Order | None, str, OrderStory | None]:
            order = reader.order(command.cl_ord_id)
            if order is None:
                return None, "", None
            verdict = reader.verdict(command.cl_ord_id) or "{}"
            return order, verdict, OrderStory(order, verdict, reader.executions(command.cl_ord_id))

        story = (await self._store.read(query))[2]
        if story is None:
            raise Refused(RefusalCode.UNKNOWN_ORDER, f"There is no order {command.cl_ord_id}.")
        return story

    async def save_watchlist(self, command: SaveWatchlist, actor: Actor) -> tuple[Watchlist, ...]:
        """Store a list; symbols that are not known are refused."""
        wanted = command.watchlist
        if not wanted.name.strip():
            raise Refused(RefusalCode.MALFORMED, "A watchlist needs a name.")
        unknown = [symbol for symbol in wanted.symbols if symbol not in self._state.instruments]
        if unknown:
            raise Refused(RefusalCode.UNKNOWN_SYMBOL, f"Not known here: {', '.join(unknown[:5])}.")
        facts = {"symbols": list(wanted.symbols)}
        draft = AuditDraft(AuditAction.WATCHLIST_CHANGED, actor, wanted.name, payload_of(facts))

        def work(uow: UnitOfWork, record: Record) -> tuple[Watchlist, ...]:
            uow.save_watchlist(wanted)
            record(draft)
            return uow.watchlists()

        lists = await self._journal.write(work)
        self.on_lists(lists)
        return lists

    async def remove_watchlist(self, command: RemoveWatchlist, actor: Actor) -> tuple[Watchlist, ...]:
        """Forget a list."""
        draft = AuditDraft(AuditAction.WATCHLIST_CHANGED, actor, command.name, payload_of({"removed": True}))

        def work(uow: UnitOfWork, record: Record) -> tuple[Watchlist, ...]:
            uow.delete_watchlist(command.name)
            record(draft)
            return uow.watchlists()

        lists = await self._journal.write(work)
        self.on_lists(lists)
        return lists

    async def import_watchlist(self, command: ImportWatchlist, actor: Actor) -> Watchlist:
        """Read symbols from a CSV file and store them as a list.

        Raises:
            BadInput: file, line and what was expected; nothing was stored.
        """
        symbols = read_symbols(command.path)
        for line, symbol in symbols:
            if symbol not in self._state.instruments:
                raise BadInput(command.path.name, f"{symbol!r} is not a symbol known here", line)
        wanted = Watchlist(command.name, tuple(dict.fromkeys(Symbol(symbol) for _, symbol in symbols)))
        await self.save_watchlist(SaveWatchlist(wanted), actor)
        return wanted

    async def save_setting(self, command: SaveSetting, actor: Actor) -> None:
        """Store a setting of the window. How the window looks is no event of the record."""
        del actor
        if command.key in _NOT_THE_WINDOWS:
            raise Refused(RefusalCode.NOT_PERMITTED, f"{command.key} is not a setting of the window.")
        if len(command.value) > _LONGEST_SETTING:
            raise Refused(RefusalCode.MALFORMED, "The setting is too long.")
        await self._journal.write(lambda uow, _: uow.save_setting(command.key, command.value))

    async def set_confirm_always(self, command: SetConfirmAlways, actor: Actor) -> bool:
        """Switch the confirmation sheet on or off where it is not compulsory."""
        facts = {"before": self._gate.settings.always, "after": command.on}
        draft = AuditDraft(AuditAction.SETTING_CHANGED, actor, "confirm every order", payload_of(facts))

        def work(uow: UnitOfWork, record: Record) -> None:
            uow.save_setting("confirm_always", "true" if command.on else "false")
            record(draft)

        await self._journal.write(work)
        self._gate.settings.always = command.on
        return command.on


def _rows(limit: int) -> int:
    if not 1 <= limit <= _MOST_ROWS:
        raise Refused(RefusalCode.MALFORMED, f"A page has 1 to {_MOST_ROWS} rows, not {limit}.")
    return limit


def read_symbols(path: Path) -> list[tuple[int, str]]:
    """Read the symbols of a CSV file: the column named symbol, or the first one.

    Returns:
        Line number and upper-case symbol of each row.

    Raises:
        BadInput: it cannot be read, is too large, empty, or in another encoding.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(path.name, "a list of symbols has at most 4 MB")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(path.name, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(path.name, "is not UTF-8 text; save it as UTF-8") from error
    rows = [(number, row) for number, row in enumerate(csv.reader(text.splitlines()), start=1) if any(row)]
    if not rows:
        raise BadInput(path.name, "is empty; expected one symbol a line")
    head = [cell.strip().lower() for cell in rows[0][1]]
    column = head.index("symbol") if "symbol" in head else 0
    body = rows[1:] if "symbol" in head else rows
    if len(body) > _MOST_SYMBOLS:
        raise BadInput(path.name, f"more than {_MOST_SYMBOLS} symbols")
    found = [(number, row[column].strip().upper() if column < len(row) else "") for number, row in body]
    for number, symbol in found:
        if not symbol:
            raise BadInput(path.name, "expected a symbol, found nothing", number)
    if not found:
        raise BadInput(path.name, "has a heading and no symbols")
    return found
