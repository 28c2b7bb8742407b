"""The desk's judgement on the ticket: rule by rule, what would pass, and the question of a soft rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.domain.money import normal, plain
from core.domain.risk import Nearest, Outcome, RuleCode, RuleResult, Verdict
from ui import format as fmt
from ui.models.columns import Ink, Mark
from ui.panels import risk_words as words
from ui.panels.lines import Bar, Glyph, Line, Lines, Span
from ui.panels.ticket_parts import PAD
from ui.theme.fonts import SEMIBOLD
from ui.widgets.bars import NEAR
from ui.widgets.buttons import Button, Dress
from ui.widgets.delegates import text_width
from ui.widgets.labels import Text
from ui.widgets.labels import plain as plain_label

INDENT = 30
_GLYPH = 18
# More would push what could pass off a low window.
_MOST_BREACHES = 3
_MARKS = {Outcome.HARD: Mark.STOP, Outcome.SOFT: Mark.WARN}
_KINDS = {Outcome.HARD: "hard", Outcome.SOFT: "soft"}
# Rules whose two numbers are not a use and its limit.
_UNLIMITED = frozenset({RuleCode.NUMBERS, RuleCode.TICK, RuleCode.STOP_SIDE})
_MOST = 3


class Saying(QWidget):
    """A glyph, a title, a remark at the right, and a sentence below that may take several lines.

    Attributes:
        pressed: the title was clicked, or Space was pressed on it.
    """

    pressed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None, *, is_ruled: bool = False) -> None:
        super().__init__(parent)
        self._is_ruled = is_ruled
        self.title = Lines(name)
        self.sentence = plain_label("")
        self.sentence.setContentsMargins(INDENT, 0, PAD, 4)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.title)
        column.addWidget(self.sentence)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def say(
        self,
        mark: Mark | None,
        title: str,
        sentence: str = "",
        remark: str = "",
        *,
        is_unfolded: bool | None = None,
    ) -> None:
        """Show other words; all empty hides them. ``is_unfolded`` gives the title a chevron."""
        spans = [Span(title, INDENT if mark else PAD, weight=SEMIBOLD, until=-PAD)]
        if remark:
            spans.append(Span(remark, -PAD, right=True, ink=Ink.TEXT3))
        glyphs = (Glyph(mark, _GLYPH, 12),) if mark else ()
        behind = INDENT + round(text_width(title, 12, SEMIBOLD)) + 12 if is_unfolded is not None else 0
        line = Line(
            tuple(spans),
            glyphs,
            height=28,
            is_ruled=self._is_ruled,
            chevron_at=behind,
            is_unfolded=bool(is_unfolded),
        )
        self.title.set_lines([line] if title else [])
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))
        self.setVisible(bool(title or sentence))

    def words(self) -> str:
        """Return title and sentence."""
        title = " ".join(span.text for line in self.title.lines for span in line.spans)
        return " ".join(part for part in (title, self.sentence.text()) if part)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.pressed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.pressed.emit()
        else:
            super().keyPressEvent(event)


class VerdictView(QWidget):
    """What the rules say: the nearest limits when all pass, the breaches in order of severity when not."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.saying = Saying("Verdict", is_ruled=True)
        self.rows = Lines("Rules")
        self._folds: tuple[Verdict, str, bool] | None = None
        self._is_unfolded = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.saying)
        column.addWidget(self.rows)
        self.saying.pressed.connect(self.toggle)

    def say(self, mark: Mark | None, title: str, sentence: str = "") -> None:
        """Show words without any rule."""
        self._folds = None
        self.saying.say(mark, title, sentence)
        self.rows.set_lines([])
        self._focusable(False)

    def show_verdict(self, verdict: Verdict, symbol: str, *, was_sent: bool = False) -> None:
        """Show a judgement; ``was_sent`` says that the desk was asked to send it, and refused."""
        breaches = words.by_severity(verdict)
        if not breaches:
            self._show_passed(verdict, symbol)
            return
        can_fold = len(breaches) > _MOST_BREACHES
        self._folds = (verdict, symbol, was_sent) if can_fold else None
        self._focusable(can_fold)
        first, others = breaches[0], len(verdict.results) - len(breaches)
        remark = "nothing was sent" if was_sent else f"{others} other{'' if others == 1 else 's'} pass"
        remark = remark if was_sent or others else ""
        is_unfolded = self._is_unfolded if can_fold else None
        if can_fold:
            remark = "Space folds" if is_unfolded else f"{len(breaches)} say no"
        if first.outcome is Outcome.HARD:
            self.saying.say(
                Mark.STOP, words.refused_by(first.code), first.text, remark, is_unfolded=is_unfolded
            )
        else:
            self.saying.say(Mark.WARN, "Unusual", first.text, remark, is_unfolded=is_unfolded)
        shown = breaches if is_unfolded else breaches[:_MOST_BREACHES]
        rows = [_breach_row(each, symbol) for each in shown] if len(shown) > 1 or _has(first) else []
        self.rows.set_lines(rows)

    def toggle(self) -> None:
        """Unfold all rules, or fold them to the nearest limits or the worst breaches."""
        if self._folds is not None:
            self._is_unfolded = not self._is_unfolded
            verdict, symbol, was_sent = self._folds
            self.show_verdict(verdict, symbol, was_sent=was_sent)

    def _show_passed(self, verdict: Verdict, symbol: str) -> None:
        self._folds = (verdict, symbol, False)
        self._focusable(True)
        unjudged = sum(each.outcome is Outcome.NOT_EVALUATED for each in verdict.results)
        count = len(verdict.results) - unjudged
        title = f"Passes {count} rules, {unjudged} not judged" if unjudged else f"Passes all {count} rules"
        remark = "Space folds" if self._is_unfolded else "nearest limits"
        self.saying.say(Mark.CHECK, title, "", remark, is_unfolded=self._is_unfolded)
        shown = verdict.results if self._is_unfolded else words.nearest_limits(verdict)
        self.rows.set_lines([_passed_row(each, symbol) for each in shown])

    def _focusable(self, is_focusable: bool) -> None:
        policy = Qt.FocusPolicy.TabFocus if is_focusable else Qt.FocusPolicy.NoFocus
        self.saying.setFocusPolicy(policy)


def _has(result: RuleResult) -> bool:
    is_use = result.code not in _UNLIMITED
    return is_use and result.value is not None and result.limit is not None


def _breach_row(result: RuleResult, symbol: str) -> Line:
    is_hard = result.outcome is Outcome.HARD
    spans = [
        Span(
            words.rule_name(result.code, symbol),
            INDENT,
            weight=SEMIBOLD if is_hard else 400,
            ink=Ink.TEXT1 if is_hard else Ink.TEXT2,
            until=154,
        ),
        Span(_KINDS[result.outcome], 158, ink=Ink.TEXT3, until=-122),
    ]
    if _has(result):
        spans += [
            Span(words.figure(result.value, result.unit), -80, right=True, weight=SEMIBOLD),
            Span(f"of {words.bound(result.limit, result.unit)}", -PAD, right=True, ink=Ink.TEXT2),
        ]
    return Line(tuple(spans), (Glyph(_MARKS[result.outcome], _GLYPH),))


def _passed_row(result: RuleResult, symbol: str) -> Line:
    name = Span(words.rule_name(result.code, symbol), INDENT, ink=Ink.TEXT2, until=158)
    share = words.share_of(result.value, result.limit)
    if share is None:
        note = "not judged" if result.outcome is Outcome.NOT_EVALUATED else "passes"
        return Line((name, Span(note, -PAD, right=True, ink=Ink.TEXT2)))
    text = f"{words.figure(result.value, result.unit)} of {words.bound(result.limit, result.unit)}"
    glyphs = (Glyph(Mark.WARN, _GLYPH),) if share > NEAR else ()
    return Line((name, Span(text, -PAD, right=True)), glyphs, (Bar(161, -127, share),))


@dataclass(frozen=True, slots=True)
class Offer:
    """Text for the fields that would pass; an empty one stays as it is."""

    qty: str = ""
    price: str = ""
    stop: str = ""

    @property
    def words(self) -> str:
        """What the button says."""
        prices = " and ".join(part for part in (self.price, self.stop) if part)
        if not self.qty:
            return f"Use {prices}"
        shares = f"Use {fmt.qty(Decimal(self.qty))} share{'' if self.qty == '1' else 's'}"
        return f"{shares} at {prices}" if prices else shares


def offers(nearest: Nearest | None) -> list[Offer]:
    """Return what would pass, as text for the fields; empty where nothing would."""
    if nearest is None:
        return []
    qty = "" if nearest.order_qty is None else plain(normal(nearest.order_qty))
    prices, stops = [plain(each) for each in nearest.prices], [plain(each) for each in nearest.stop_pxs]
    made = [Offer(qty, price, stop) for price in prices or [""] for stop in stops or [""]]
    return [each for each in made if each != Offer()][:_MOST]


class OfferView(QWidget):
    """What would pass. A button only fills the fields in; the first has Enter.

    Attributes:
        taken: the Offer that was chosen.
    """

    taken = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._offers: list[Offer] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(PAD, 4, PAD, 0)
        self._column.setSpacing(4)
        head = QHBoxLayout()
        head.addWidget(Text("What would pass", size=11, ink=Ink.TEXT3))
        head.addStretch(1)
        head.addWidget(Text("only fills the ticket in", size=11, ink=Ink.TEXT3))
        self._column.addLayout(head)
        self._row = QHBoxLayout()
        self._row.setSpacing(8)
        self._column.addLayout(self._row)
        self.hide()

    @property
    def offers(self) -> Sequence[Offer]:
        """What is offered now, the best first."""
        return self._offers

    def show_offers(self, found: Sequence[Offer]) -> None:
        """Offer something else, or nothing."""
        if list(found) == self._offers:
            return
        self._offers = list(found)
        while (item := self._row.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for number, offer in enumerate(self._offers):
            dress = Dress.OUTLINE if number else Dress.NEUTRAL
            button = Button(offer.words, dress, key="" if number else "Enter", height=36)
            button.clicked.connect(lambda _checked=False, chosen=offer: self.taken.emit(chosen))
            self._row.addWidget(button)
        self.setVisible(bool(self._offers))


def order_value(verdict: Verdict) -> str:
    """Write the value of the order as the rule on order value measured it."""
    found = [each.value for each in verdict.results if each.code is RuleCode.ORDER_NOTIONAL]
    return fmt.money(found[0]) if found else fmt.UNKNOWN
