"""The parts of one window, for whoever acts on them."""

from dataclasses import dataclass

from PySide6.QtWidgets import QMainWindow

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
from ui.panels.positions import PositionsPanel
from ui.panels.risk import RiskPanel
from ui.panels.ticket import TicketPanel
from ui.panels.watchlist import WatchlistPanel


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
    orders: OrdersPanel
    fills: FillsPanel
    differences: DifferencesPanel
    blotter: Blotter
    ticket: TicketPanel
    risk: RiskPanel
    audit: AuditPanel
