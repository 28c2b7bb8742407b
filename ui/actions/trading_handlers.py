"""What the actions of trading, orders and positions do. Each sends a command; the desk decides."""

from collections.abc import Callable
from functools import partial

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from core.domain.messages import (
    CancelOrder,
    CancelOrders,
    CheckOrder,
    ClosePosition,
    ExplainPosition,
    GiveUpOrder,
    KillTrading,
    Part,
    PositionProof,
    Reconcile,
    ReconciliationRun,
    Reconnect,
    ResendOrder,
    SetConfirmAlways,
    Submitted,
)
from core.domain.risk import RuleCode, Verdict
from core.domain.terms import Side
from core.errors import Refused
from core.ids import ClOrdId, IdempotencyKey, RandomIds, Symbol, new_idempotency_key
from ui import format as fmt
from ui.actions.registry import Handlers
from ui.banners import KILL
from ui.dialogs.kill import KillSheet
from ui.dialogs.proof import show_proof
from ui.dialogs.text_input import Question
from ui.notices import words_of, words_of_failed_read
from ui.parts import Parts


class TradingHandlers:
    """Halting and what follows it; the risk panel keeps the two steps of Halt."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def handlers(self) -> Handlers:
        """Return what is called, by the names of the catalogue."""
        return {
            "halt": self._parts.risk.press_halt,
            "kill": self.kill,
            "resume": self._parts.risk.ask_resume,
            "toggle_confirm_in_sim": self.toggle_confirm,
            "reconcile": self.reconcile,
        }

    def cancel_all(self) -> None:
        """Ask for the end of every open order."""
        self._parts.bridge.send(CancelOrders(), self._say_asked)

    def _say_asked(self, number: int) -> None:
        self._parts.notices.say(f"Asked the broker to cancel {number} order{'' if number == 1 else 's'}.")

    def kill(self) -> None:
        """Halt, cancel and where it is wanted close, after a question; the sheet counts what is confirmed."""
        facts, bridge = self._parts.facts, self._parts.bridge
        ours = sum(not order.external for order in facts.open_orders)

        def agreed(flatten: bool) -> None:
            bridge.newest.connect(sheet.take)
            bridge.send(KillTrading(KILL, flatten), sheet.show_report, failed)

        def failed(error: Exception) -> bool:
            sheet.show_failure(words_of(error))
            return True

        sheet = KillSheet(self._parts.window, ours, len(facts.held), agreed)
        sheet.open_question()

    def reconnect(self, part: Part) -> None:
        """Try a link again now."""
        self._parts.bridge.send(Reconnect(part))

    def reconcile(self) -> None:
        """Compare our book with the broker's now, and show what differs."""

        def compared(run: ReconciliationRun) -> None:
            number = len(run.differences)
            words = "no difference" if not number else f"{number} difference{'' if number == 1 else 's'}"
            self._parts.notices.say(f"Compared with the broker: {words}.")

        self._parts.blotter.show_panel(self._parts.differences)
        self._parts.bridge.send(Reconcile(), compared)

    def toggle_confirm(self) -> None:
        """Switch the confirmation sheet on or off where it is not compulsory."""
        facts = self._parts.facts

        def switched(is_on: bool) -> None:
            facts.confirm_always = is_on
            self._parts.ticket.set_confirm_always(is_on)
            facts.changed.emit()
            self._parts.notices.say(f"Every order is asked about: {'yes' if is_on else 'no'}.")

        self._parts.bridge.send(SetConfirmAlways(not facts.confirm_always), switched)


class OrderHandlers:
    """Tickets, orders and positions."""

    def __init__(self, parts: Parts, holes: Callable[[], list[QWidget]]) -> None:
        self._parts, self._holes = parts, holes
        self._ids = RandomIds()

    def handlers(self) -> Handlers:
        """Return what is called, by the names of the catalogue."""
        trading = TradingHandlers(self._parts)
        return {
            "ticket_buy": partial(self.open_ticket, Side.BUY),
            "ticket_sell": partial(self.open_ticket, Side.SELL),
            "review_order": self._parts.ticket.review,
            "clear_ticket": self._parts.ticket.clear,
            "size_order": self._parts.ticket.sizer.size,
            "cancel_order": self.cancel_order,
            "replace_order": self.replace_order,
            "cancel_symbol": self.cancel_symbol,
            "cancel_all": trading.cancel_all,
            "resend_order": lambda: self._with_selected(self.resend),
            "give_up_order": lambda: self._with_selected(self.give_up),
            "copy_order_id": lambda: self._with_selected(QGuiApplication.clipboard().setText),
            "close_position": self.close_position,
            "explain_position": lambda: self.explain(self._parts.facts.symbol),
        }

    def open_ticket(self, side: Side) -> None:
        """Open a ticket for the linked symbol, the cursor in its quantity."""
        symbol = self._parts.facts.symbol
        if symbol:
            self._parts.ticket.set_symbol(symbol, side)
            self._parts.ticket.form.qty.setFocus()
            self._parts.ticket.form.qty.selectAll()

    def _with_selected(self, act: Callable[[str], object]) -> None:
        order = self._parts.facts.selected_order
        if order is not None:
            act(order.cl_ord_id)

    def cancel(self, cl_ord_id: str) -> None:
        """Ask for an order's end; its row tells the rest."""
        self._parts.bridge.send(CancelOrder(ClOrdId(cl_ord_id)))

    def cancel_order(self) -> None:
        """Ask for the end of all selected orders that are still open."""
        for key in self._parts.orders.view.selected_keys():
            order = self._parts.facts.orders.get(ClOrdId(str(key)))
            if order is not None and order.is_open:
                self.cancel(order.cl_ord_id)

    def replace_order(self) -> None:
        """Put the selected order on the ticket, to ask for other terms."""
        order = self._parts.facts.selected_order
        if order is not None and order.is_open:
            self._parts.ticket.edit_order(order)

    def cancel_symbol(self) -> None:
        """Ask for the end of all open orders of the linked symbol."""
        symbol = self._parts.facts.symbol
        said = self._parts.notices.say
        self._parts.bridge.send(
            CancelOrders(Symbol(symbol)),
            lambda number: said(f"Asked the broker to cancel {number} in {symbol}."),
        )

    def check(self, cl_ord_id: str) -> None:
        """Look an UNKNOWN order up at the broker now."""
        self._parts.bridge.send(CheckOrder(ClOrdId(cl_ord_id)))

    def resend(self, cl_ord_id: str) -> None:
        """Send an UNKNOWN order again after a question; the same id cannot double it."""
        Question(
            self._parts.window,
            "Send the order again?",
            f"{self._words(cl_ord_id)} goes out under the same id, so that the broker cannot take it twice.",
            "Send again",
            lambda: self._parts.bridge.send(ResendOrder(ClOrdId(cl_ord_id))),
        ).open_question()

    def give_up(self, cl_ord_id: str) -> None:
        """End the waiting for an UNKNOWN order after a question."""
        Question(
            self._parts.window,
            "Give the order up?",
            f"{self._words(cl_ord_id)} no longer counts in any limit. Should the broker show it later, it is"
            " cancelled at once and you are told.",
            "Give up",
            lambda: self._parts.bridge.send(GiveUpOrder(ClOrdId(cl_ord_id))),
        ).open_question()

    def _words(self, cl_ord_id: str) -> str:
        order = self._parts.facts.orders.get(ClOrdId(cl_ord_id))
        if order is None:
            return "The order"
        return f"{fmt.word(order.side)} {fmt.qty(order.order_qty)} {order.symbol}"

    def close_position(self) -> None:
        """Close what is held of the linked symbol by an ordinary order; only a soft rule asks about it."""
        symbol = self._parts.facts.symbol
        if symbol:
            self._close(Symbol(symbol), new_idempotency_key(self._ids), frozenset())

    def _close(self, symbol: Symbol, key: IdempotencyKey, acknowledged: frozenset[RuleCode]) -> None:
        def sent(submitted: Submitted) -> None:
            words = f"{fmt.word(submitted.order.side)} {fmt.qty(submitted.order.order_qty)} {symbol}"
            self._parts.notices.say(f"{words} at the market, to close the position.")

        def refused(error: Exception) -> bool:
            verdict = error.cause if isinstance(error, Refused) else None
            if not isinstance(verdict, Verdict) or verdict.is_refused:
                return False
            soft = verdict.missing_acknowledgements(acknowledged)
            if soft:
                codes = acknowledged | {result.code for result in soft}
                Question(
                    self._parts.window,
                    f"Close {symbol} all the same?",
                    " ".join(result.text for result in soft),
                    "Close it",
                    partial(self._close, symbol, key, codes),
                ).open_question()
            return bool(soft)

        self._parts.bridge.send(ClosePosition(symbol, key, acknowledged), sent, refused)

    def explain(self, symbol: str) -> None:
        """Take a position's figures apart."""

        def show(proof: PositionProof) -> None:
            shown = self._parts.positions.model.rows.get(symbol)
            show_proof(self._parts.window, proof, shown, self._holes())

        def failed(error: Exception) -> bool:
            self._parts.notices.warn(
                f"The figures of {symbol} cannot be taken apart now. {words_of_failed_read(error)}"
            )
            return True

        self._parts.bridge.send(ExplainPosition(Symbol(symbol)), show, failed)
