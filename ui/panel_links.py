"""Wires the panels to one another: one symbol for all, tickets from rows, evidence from figures."""

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QApplication, QWidget

from core.domain.order import Order
from core.ids import ClOrdId
from ui.actions.list_handlers import ListHandlers
from ui.actions.registry import ActionRegistry
from ui.actions.spec import Selection
from ui.actions.trading_handlers import OrderHandlers
from ui.banners import UnknownBanner
from ui.parts import Parts, TablePanel
from ui.widgets.table_view import TableView


class PanelLinks(QObject):
    """Made once everything else is there. GUI thread only."""

    def __init__(
        self, parts: Parts, registry: ActionRegistry, orders: OrderHandlers, lists: ListHandlers
    ) -> None:
        super().__init__(parts.window)
        self._parts, self._registry, self._orders = parts, registry, orders
        facts = parts.facts
        for panel in (parts.watchlist, parts.positions, parts.orders, parts.fills):
            panel.symbol_selected.connect(facts.set_symbol)
        parts.movers.body.symbol_selected.connect(facts.set_symbol)
        facts.symbol_changed.connect(self._on_symbol)
        for model in (parts.watchlist.model, parts.positions.model):
            model.arranged.connect(lambda _: self._mark_symbol())
        facts.changed.connect(lambda: registry.set_context(facts.context()))
        parts.watchlist.lists.said.connect(parts.notices.say)
        parts.ticket.judged.connect(parts.risk.set_ticket)
        parts.positions.proof_wanted.connect(orders.explain)
        parts.orders.replace_wanted.connect(parts.ticket.edit_order)
        parts.orders.selected.connect(self._on_order_selected)
        parts.chart.cancel_requested.connect(orders.cancel)
        parts.audit.order_wanted.connect(self.show_order)
        for panel_of_table in parts.tables.values():
            self._open_menu_for(panel_of_table)
        for group in parts.blotter.groups:
            group.export_wanted.connect(lists.export)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._on_focus)
        parts.look.changed.connect(self._on_look)
        facts.set_chosen(parts.look.chosen)
        registry.set_context(facts.context())

    def connect_unknown(self, banner: UnknownBanner) -> None:
        """Let the banner's buttons do what they say."""
        banner.show_wanted.connect(self.show_order)
        banner.check_wanted.connect(self._orders.check)
        banner.resend_wanted.connect(self._orders.resend)
        banner.give_up_wanted.connect(self._orders.give_up)

    def show_order(self, cl_ord_id: str) -> None:
        """Bring an order's row to the front."""
        orders = self._parts.orders
        self._parts.blotter.show_panel(orders)
        orders.view.setFocus()
        orders.show_order(ClOrdId(cl_ord_id))

    def choose_first(self) -> None:
        """Link all panels to the first symbol of the watchlist, unless one is linked."""
        lines = self._parts.watchlist.model.lines
        first = next((key for at in range(len(lines.ids)) if (key := lines.key_at(at)) is not None), None)
        if first is not None and not self._parts.facts.symbol:
            self._parts.facts.set_symbol(str(first))

    def _on_look(self) -> None:
        parts = self._parts
        for view in parts.window.findChildren(TableView):
            view.apply_density()
        parts.chart.refresh_zone()
        parts.facts.set_chosen(parts.look.chosen)
        for widget in parts.window.findChildren(QWidget):
            widget.updateGeometry()
            widget.update()

    def _open_menu_for(self, panel: TablePanel) -> None:
        def open_menu(at: QPoint) -> None:
            self._registry.context_menu(panel.objectName(), panel.view).popup(at)

        panel.menu_wanted.connect(open_menu)

    def _on_symbol(self, symbol: str) -> None:
        self._mark_symbol()
        self._parts.ticket.set_symbol(symbol)

    def _mark_symbol(self) -> None:
        symbol = self._parts.facts.symbol
        for view in (self._parts.watchlist.view, self._parts.positions.view):
            if view.current_key() != symbol:
                view.select_key(symbol)  # nothing, where the symbol is not shown

    def _on_order_selected(self) -> None:
        order = self._parts.orders.current
        if order is not None and self._parts.orders.view.hasFocus():
            self._parts.facts.select(Selection.ORDER, order)

    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        parts = self._parts
        order: Order | None = parts.orders.current
        if now is parts.watchlist.view:
            parts.facts.select(Selection.SYMBOL if parts.watchlist.current_symbol else Selection.NONE)
        elif now is parts.positions.view:
            parts.facts.select(Selection.POSITION if parts.positions.current_symbol else Selection.NONE)
        elif now is parts.orders.view:
            parts.facts.select(Selection.ORDER if order is not None else Selection.NONE, order)
