"""Feeds the bars at the top and the bottom from the bridge, and the clocks in them once a second."""

from collections.abc import Iterable

from PySide6.QtCore import QObject, QTimer

from core.domain.market import MarketSession, Quote
from core.domain.messages import (
    AckMeasured,
    InOrder,
    Latest,
    LinkChanged,
    RequestsWaiting,
    Snapshot,
    TradingStateChanged,
)
from ui.bridge import Bridge
from ui.facts import WindowFacts
from ui.notices import Notices
from ui.our_time import utc_now
from ui.status_bar import StatusBar
from ui.top_bar import TopBar


class BarLinks(QObject):
    """GUI thread only."""

    def __init__(
        self, bridge: Bridge, facts: WindowFacts, notices: Notices, top: TopBar, status: StatusBar
    ) -> None:
        super().__init__(top)
        self._bridge, self._facts, self._top, self._status = bridge, facts, top, status
        self._newest: float | None = None
        bridge.account_changed.connect(top.show_account)
        bridge.session_changed.connect(self._on_session)
        bridge.ack_measured.connect(self._on_ack)
        bridge.newest.connect(self._on_newest)
        bridge.stall_measured.connect(status.show_stall)
        bridge.quotes_changed.connect(self._on_quotes)
        bridge.in_order.connect(self._on_event)
        facts.symbol_changed.connect(lambda _: self._show_quote())
        notices.fact.connect(status.say)
        notices.unread_changed.connect(top.show_unread)
        self._seconds = QTimer(self, interval=1000)
        self._seconds.timeout.connect(self._on_second)
        self._seconds.start()

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Show everything anew."""
        self._top.show_profile(snapshot.profile)
        self._top.show_account(snapshot.account)
        self._top.state.set_state(snapshot.trading_state.state)
        self._status.show_profile(snapshot.profile)
        self._on_session(snapshot.session)
        for link in snapshot.links.values():
            self._status.show_link(link, utc_now())
        self._on_quotes(snapshot.quotes)
        self._show_quote()
        self._on_second()
        self._top.place_field()

    def _on_session(self, session: MarketSession) -> None:
        self._top.show_time(session.now)
        self._status.show_session(session)

    def _on_newest(self, event: Latest) -> None:
        if isinstance(event, RequestsWaiting):
            self._status.show_waiting(event.count, event.wait_s)

    def _on_ack(self, ack: AckMeasured) -> None:
        self._top.show_link(ack.last_ms)
        self._status.show_ack(ack.p99_ms)

    def _on_quotes(self, quotes: Iterable[Quote]) -> None:
        newest = max((quote.received for quote in quotes), default=None)
        if newest is not None:
            self._newest = newest
        self._show_quote()

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, LinkChanged):
            self._status.show_link(event, utc_now())
        elif isinstance(event, TradingStateChanged):
            self._top.state.set_state(event.record.state)
            self._top.place_field()

    def _show_quote(self) -> None:
        self._top.show_quote(self._facts.symbol, self._facts.quote(self._facts.symbol))

    def _on_second(self) -> None:
        self._status.age_links(utc_now())
        if self._newest is not None:
            self._status.show_age(self._bridge.clock() - self._newest)
