"""The window: it places the parts and wires them to one another. What they do is theirs."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QMenu, QSplitter, QVBoxLayout, QWidget

from core.domain.access import Mode
from core.domain.messages import Snapshot
from ui import format as fmt
from ui.actions.audit_handlers import AuditHandlers
from ui.actions.backup_handlers import BackupHandlers
from ui.actions.catalog import CATALOG
from ui.actions.choices import LOOK
from ui.actions.list_handlers import UNIVERSE, ListHandlers
from ui.actions.portfolio_handlers import PortfolioHandlers
from ui.actions.proposal_handlers import ProposalHandlers
from ui.actions.registry import ActionRegistry
from ui.actions.risk_handlers import RiskHandlers
from ui.actions.trading_handlers import OrderHandlers, TradingHandlers
from ui.actions.window_handlers import WindowHandlers
from ui.alarm_banner import AlarmBanner
from ui.asking import Asking
from ui.banners import HaltBanner, UnknownBanner
from ui.bar_links import BarLinks
from ui.bridge import Bridge
from ui.chart_link import ChartLink
from ui.dialogs.welcome import Start, Welcome
from ui.facts import WindowFacts
from ui.layout import SETTING as LAYOUT
from ui.layout import SIZES, SMALL, SMALL_BELOW, LayoutKeeper, splitter
from ui.link_banner import LinkBanner
from ui.locking import WindowLock
from ui.look import SETTING as LOOKS
from ui.look import LookKeeper
from ui.notices import Notices
from ui.overlays import LIVE_FRAME, LiveFrame, Overlays
from ui.panel_links import PanelLinks
from ui.panels.audit import AuditPanel
from ui.panels.blotter import SIDE_BY_SIDE, Blotter, Tab
from ui.panels.chart import ChartPanel
from ui.panels.differences import DifferencesPanel
from ui.panels.fills import FillsPanel
from ui.panels.movers import MoversPanel
from ui.panels.orders import OrdersPanel
from ui.panels.portfolio import PortfolioPanel
from ui.panels.positions import PositionsPanel
from ui.panels.proposals import ProposalsPanel
from ui.panels.risk import RiskPanel
from ui.panels.ticket import TicketPanel
from ui.panels.watchlist import WatchlistPanel
from ui.parts import Parts
from ui.status_bar import StatusBar
from ui.top_bar import TopBar

MOVERS_FROM = 900  # px of height; below it, the watchlist needs the room


class MainWindow(QMainWindow):
    """One window on one profile; empty until a snapshot is there. GUI thread only."""

    def __init__(self, bridge: Bridge, *, on_welcome: Callable[[Start], object] | None = None) -> None:
        super().__init__()
        self.setObjectName("window.main")
        self.setWindowTitle("InvestIQ")
        self.setMinimumSize(1024, 640)
        self.resize(1600, 1000)
        self._bridge, self._on_welcome = bridge, on_welcome
        self._is_laid_out = self._is_restored = False
        self.parts = self._make_parts()
        self.top, self.status = TopBar(self), StatusBar(self)
        self.halted = HaltBanner(self.parts.facts, self)
        self.unknown = UnknownBanner(bridge, self.parts.facts, self)
        self.down = LinkBanner(self.parts.facts, self)
        self.alarms = AlarmBanner(bridge, self)
        self._chart_link = ChartLink(bridge, self.parts.facts, self.parts.chart)
        self._splitters = self._place()
        self.layout_keeper = self._keep_layout()
        self._asking = Asking(self, bridge, self.parts.facts, self._holes)
        self.locker = WindowLock(self.parts)
        self.registry = self._make_actions()
        self.frame = LiveFrame(self)
        self._bars = BarLinks(bridge, self.parts.facts, self.parts.notices, self.top, self.status)
        self.links = PanelLinks(self.parts, self.registry, self.orders, self.lists)
        self._connect()
        self.parts.watchlist.view.setFocus()

    def _make_parts(self) -> Parts:
        bridge = self._bridge
        watchlist = WatchlistPanel(bridge)
        positions, portfolio = PositionsPanel(bridge), PortfolioPanel(bridge)
        orders, fills, differences = OrdersPanel(bridge), FillsPanel(bridge), DifferencesPanel(bridge)
        proposals = ProposalsPanel(bridge)
        tabs: list[tuple[QWidget, Tab]] = [
            (positions, positions),
            (portfolio, portfolio),
            (orders, orders),
            (fills, fills),
            (proposals, proposals),
            (differences, differences),
        ]
        return Parts(
            window=self,
            bridge=bridge,
            facts=WindowFacts(bridge, self),
            look=LookKeeper(bridge, self),
            notices=Notices(bridge, self),
            watchlist=watchlist,
            movers=MoversPanel(bridge, watchlist.shown_quotes),
            chart=ChartPanel(),
            positions=positions,
            portfolio=portfolio,
            orders=orders,
            fills=fills,
            proposals=proposals,
            differences=differences,
            blotter=Blotter(tabs, left=2),
            ticket=TicketPanel(bridge),
            risk=RiskPanel(bridge),
            audit=AuditPanel(bridge),
        )

    def _place(self) -> dict[str, QSplitter]:
        parts = self.parts
        left = splitter(Qt.Orientation.Vertical, parts.watchlist, parts.movers)
        market = splitter(Qt.Orientation.Horizontal, left, parts.chart)
        rows = splitter(Qt.Orientation.Vertical, market, parts.blotter, parts.audit)
        right = splitter(Qt.Orientation.Vertical, parts.ticket, parts.risk)
        columns = splitter(Qt.Orientation.Horizontal, rows, right)
        for each, grows in ((left, 0), (market, 1), (rows, 0), (columns, 0)):
            each.setStretchFactor(grows, 1)
        body = QWidget(self)
        self._stack = stack = QVBoxLayout(body)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(0)
        for widget in (self.top, self.alarms, self.halted, self.unknown, self.down):
            stack.addWidget(widget)
        stack.addWidget(columns, 1)
        stack.addWidget(self.status)
        self.setCentralWidget(body)
        return {
            "columns": columns,
            "rows": rows,
            "market": market,
            "left": left,
            "right": right,
            "blotter": parts.blotter,
            "portfolio": parts.portfolio.halves,
        }

    def _keep_layout(self) -> LayoutKeeper:
        parts = self.parts
        tables = {name: panel.view for name, panel in parts.tables.items()}
        tabs = {"left": parts.blotter.left, "right": parts.blotter.right, "all": parts.blotter.all}
        return LayoutKeeper(self._bridge, self._splitters, tables, tabs, self)

    def _make_actions(self) -> ActionRegistry:
        parts = self.parts
        # By name: what lies over the window is made after the actions that open it.
        overlays: dict[str, Callable[[], object]] = {
            "open_palette": self._open_palette,
            "find_symbol": lambda: self.overlays.palette.open_palette(symbols_only=True),
            "show_keys": self._show_keys,
            "open_settings": self._open_looks,
            "open_profile": self._open_profile,
            **self.locker.handlers(),
            "submit_order": self._asking.submit,
        }
        self.orders = OrderHandlers(parts, self._holes)
        self.trading = TradingHandlers(parts)
        self.risk, self.lists = RiskHandlers(parts, self._holes), ListHandlers(parts)
        self.portfolio = PortfolioHandlers(parts, self._holes, self.lists.export)
        windows = WindowHandlers(parts, overlays, self._reset_layout)
        handlers: dict[str, Callable[[], object]] = {}
        self.proposals = ProposalHandlers(parts, self._holes)
        records = (AuditHandlers(parts, self._holes), BackupHandlers(parts))
        for each in (self.trading, self.orders, self.risk, self.proposals, self.lists, windows, *records):
            handlers.update(each.handlers())
        registry = ActionRegistry(CATALOG, handlers, self)
        self.overlays = Overlays(parts, registry, self._holes())
        bare = {
            parts.watchlist.view: ("ticket.buy", "ticket.sell"),
            parts.positions.view: ("ticket.buy", "ticket.sell"),
            parts.orders.view: ("order.cancel", "order.replace"),
        }
        for view, ids in bare.items():
            view.addActions([registry.action(each) for each in ids])
        return registry

    def _connect(self) -> None:
        parts, bridge = self.parts, self._bridge
        parts.notices.toasts.keep_clear(parts.risk.halt_button)
        self.links.connect_unknown(self.unknown)
        self.halted.cancel_wanted.connect(self.trading.cancel_all)
        self.halted.resume_wanted.connect(parts.risk.ask_resume)
        parts.risk.kill_wanted.connect(self.trading.kill)
        parts.risk.breakers_wanted.connect(self.risk.show_breakers)
        parts.risk.radar_wanted.connect(self.risk.show_radar)
        parts.risk.head.add_tool(self.registry.action("risk.parameters"), "sliders-horizontal")
        parts.movers.universe_wanted.connect(lambda _: self.lists.choose_universe())
        self.down.reconnect_wanted.connect(self.trading.reconnect)
        self.top.field.opened.connect(self._open_palette)
        self.top.menu.clicked.connect(lambda: _popup(self.top.menu, self.registry.main_menu(self)))
        self.top.bell.clicked.connect(lambda: _popup(self.top.bell, parts.notices.menu(self)))
        self.top.lock.clicked.connect(self.registry.action("session.lock").trigger)
        parts.facts.changed.connect(lambda: parts.facts.note(ticket_is_filled=bool(parts.ticket.symbol)))
        bridge.snapshot_loaded.connect(self._on_snapshot)

    def _open_palette(self) -> None:
        self.overlays.palette.open_palette()

    def _show_keys(self) -> None:
        self.overlays.keys.open_sheet()

    def _holes(self) -> list[QWidget]:
        return [self.parts.risk.halt_button]

    def show_welcome(self, chosen: Callable[[Start], object]) -> None:
        """Offer the three ways to begin; `chosen` takes the one that is taken."""
        self._on_welcome = chosen
        sheet = Welcome(self)
        sheet.chosen.connect(chosen)
        sheet.look_chosen.connect(self.parts.look.choose)
        sheet.keys_wanted.connect(self.overlays.keys.open_sheet)
        sheet.open_welcome()

    def _open_profile(self) -> None:
        if self._on_welcome is not None:
            self._on_welcome(Start.PROFILE)
        else:
            self.parts.notices.warn("Close this profile first; then start again with --profile NAME.")

    def _open_looks(self) -> None:
        menu = QMenu(self)
        menu.addActions([self.registry.action(spec.id) for spec in LOOK])
        _popup(self.top.menu, menu)

    def _reset_layout(self) -> None:
        self.layout_keeper.reset()
        self._fit()

    def save_layout_now(self) -> None:
        """Store the layout at once, before the window goes."""
        self.layout_keeper.save_now()

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        parts = self.parts
        if not self._is_restored:
            self._is_restored = True
            parts.look.restore(snapshot.settings.get(LOOKS, ""))
            self.layout_keeper.restore(snapshot.settings.get(LAYOUT, ""))
            self.lists.restore_universe(snapshot.settings.get(UNIVERSE, ""))
        parts.facts.apply_snapshot(snapshot)
        for panel in parts.tables.values():
            panel.apply_snapshot(snapshot)
        parts.risk.apply_snapshot(snapshot)
        self._bars.apply_snapshot(snapshot)
        self._chart_link.apply_snapshot(snapshot)
        parts.watchlist.fit_columns()
        parts.movers.refresh()
        self._show_frame()
        self.setWindowTitle(f"InvestIQ, {snapshot.profile.name}, {fmt.word(snapshot.profile.mode)}")
        self.links.choose_first()

    def _fit(self) -> None:
        is_small = self.width() < SMALL_BELOW
        self.parts.blotter.set_wide(is_wide=self.width() >= SIDE_BY_SIDE)
        for name, sizes in SIZES.items():
            if name != "blotter":
                self._splitters[name].setSizes(SMALL.get(name, sizes) if is_small else sizes)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_first = not self._is_laid_out
        self._is_laid_out = True
        self.parts.blotter.set_wide(is_wide=self.width() >= SIDE_BY_SIDE)
        self.parts.movers.setVisible(self.width() >= SMALL_BELOW and self.height() >= MOVERS_FROM)
        if is_first or (event.oldSize().width() < SMALL_BELOW) != (self.width() < SMALL_BELOW):
            self._fit()
        self.parts.notices.toasts.place()
        self._show_frame()

    def _show_frame(self) -> None:
        profile = self.parts.facts.profile
        is_live = profile is not None and profile.mode is Mode.LIVE
        edge = LIVE_FRAME if is_live else 0
        self._stack.setContentsMargins(edge, edge, edge, edge)
        self.frame.lay(self.rect(), is_live=is_live)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.save_layout_now()
        super().closeEvent(event)


def _popup(below: QWidget, menu: QMenu) -> None:
    menu.popup(below.mapToGlobal(below.rect().bottomLeft()))
