"""The parts of one window, for whoever acts on them."""

from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QMainWindow

from core.domain.messages import Snapshot
from ui.bridge import Bridge
from ui.facts import WindowFacts
from ui.look import LookKeeper
from ui.notices import Notices
from ui.panels.audit import AuditPanel
from ui.panels.blotter import Blotter
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
from ui.widgets.table_view import TableView


class TablePanel(Protocol):
    """A panel whose body is a table."""

    view: TableView

    @property
    def menu_wanted(self) -> SignalInstance: ...
    def objectName(self) -> str: ...
    def apply_snapshot(self, snapshot: Snapshot) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """All of them live in the GUI thread, as long as the window."""

    window: QMainWindow
    bridge: Bridge
    facts: WindowFacts
    look: LookKeeper
    notices: Notices
    watchlist: WatchlistPanel
    movers: MoversPanel
    chart: ChartPanel
    positions: PositionsPanel
    portfolio: PortfolioPanel
    orders: OrdersPanel
    fills: FillsPanel
    proposals: ProposalsPanel
    differences: DifferencesPanel
    blotter: Blotter
    ticket: TicketPanel
    risk: RiskPanel
    audit: AuditPanel

    @property
    def tables(self) -> dict[str, TablePanel]:
        """Every panel that is a table, by its stable name."""
        return {
            "watchlist": self.watchlist,
            "positions": self.positions,
            "portfolio": self.portfolio,
            "orders": self.orders,
            "fills": self.fills,
            "proposals": self.proposals,
            "differences": self.differences,
            "audit": self.audit,
        }
