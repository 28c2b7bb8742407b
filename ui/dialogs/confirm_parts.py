"""What stands on the confirmation sheet: exactly what will be sent, the market, the effect, every rule."""

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from core.domain.access import Mode
from core.domain.confirmation import ConfirmationRequest
from core.domain.market import Quote
from core.domain.risk import Outcome, RuleResult, Verdict
from core.domain.terms import Legs, OrderTerms, OrdType, Side, TimeInForce
from ui import format as fmt
from ui.models.columns import Ink, Mark
from ui.panels import risk_words as words
from ui.panels.lines import Bar, Glyph, Line, Span
from ui.theme.fonts import MEDIUM, SEMIBOLD
from ui.theme.tokens import tokens
from ui.widgets.bars import NEAR
from ui.widgets.delegates import text_width
from ui.widgets.labels import Text
from ui.widgets.lamps import ModeBadge

PAD = 24
_ROW = 22
_VALUE = 120
_NOW = -94
_MONEY = {Mode.LIVE: "Real money", Mode.PAPER: "Paper money", Mode.SIM: "Simulated, no real money"}
_UNTIL = {
    TimeInForce.DAY: "What is not filled by the close ends today.",
    TimeInForce.GTC: "It works until it is filled or cancelled.",
    TimeInForce.IOC: "What is not filled at once is cancelled.",
    TimeInForce.FOK: "All of it at once, or nothing.",
    TimeInForce.OPG: "What is not filled in the opening auction is cancelled.",
    TimeInForce.CLS: "What is not filled in the closing auction is cancelled.",
}


class SheetHead(QWidget):
    """The mode in words and in its shape, the account, and the time that is left."""

    def __init__(self, mode: Mode, account: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_live = mode is Mode.LIVE
        self.badge = ModeBadge(mode, height=24)
        self.badge.setObjectName("badge.sheet_mode")
        self.title = Text(f"{_MONEY[mode]}, {account}", size=13, weight=SEMIBOLD)
        self.time_left = Text("this review ends in 99 s", ink=Ink.TEXT2)
        row = QHBoxLayout(self)
        row.setContentsMargins(PAD - 4, 0, PAD, 0)
        row.setSpacing(12)
        row.addWidget(self.badge)
        row.addWidget(self.title)
        row.addStretch(1)
        row.addWidget(self.time_left)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(400, 40)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        painter.fillRect(self.rect(), look.live_tint if self._is_live else look.surface2)
        painter.end()


def title_lines(request: ConfirmationRequest) -> list[Line]:
    """Say the order in large words, with what it may cost."""
    terms, verdict = request.terms, request.verdict
    said, at = words.order_words(terms), words.price_words(terms)
    behind = PAD + 22 + round(text_width(said, 22, SEMIBOLD)) + 12
    mark = Mark.UP if terms.side is Side.BUY else Mark.DOWN
    cost = fmt.money(verdict.worst_cost) if verdict.worst_cost is not None else ""
    note = "most it can cost, fees included" if cost else words.cost_words(verdict, terms.side)
    return [
        Line(
            (
                Span(said, PAD + 22, weight=SEMIBOLD, size=22),
                Span(at, behind, ink=Ink.TEXT2, size=16, until=-160),
                Span(cost, -PAD, right=True, weight=SEMIBOLD, size=22),
            ),
            (Glyph(mark, PAD + 6, 13),),
            height=30,
        ),
        Line(
            (
                Span(_UNTIL[terms.time_in_force], PAD + 22, ink=Ink.TEXT2),
                Span(note, -PAD, right=True, ink=Ink.TEXT2),
            )
        ),
    ]


def _pair(name: str, value: str) -> Line:
    return Line((Span(name, 0, ink=Ink.TEXT2), Span(value, _VALUE, weight=MEDIUM)), height=_ROW)


def terms_lines(terms: OrderTerms) -> list[Line]:
    """List exactly what the broker will be told."""
    lines = [
        Line((Span("Exactly this will be sent", 0, ink=Ink.TEXT3, size=11),), height=_ROW),
        _pair("Symbol", terms.symbol),
        _pair("Side", fmt.word(terms.side)),
        _size_pair(terms),
        _pair("Type", fmt.word(terms.ord_type)),
    ]
    if terms.ord_type.has_price:
        lines.append(_pair("Limit price", fmt.exact(terms.price)))
    if terms.ord_type.has_stop:
        lines.append(_pair("Stop price", fmt.exact(terms.stop_px)))
    if terms.ord_type.has_trail:
        lines.append(_pair("Trails by", words.trail_words(terms)))
    if terms.ord_type is OrdType.MARKET:
        lines.append(_pair("Price", "whatever the market gives"))
    hours = ", extended hours" if terms.extended_hours else ""
    lines.append(_pair("Time in force", f"{fmt.word(terms.time_in_force)}{hours}"))
    return [*lines, *_legs_lines(terms.legs)]


def _size_pair(terms: OrderTerms) -> Line:
    if terms.cash_order_qty is not None:
        return _pair("Amount", f"${fmt.money(terms.cash_order_qty)}")
    return _pair("Quantity", fmt.qty(terms.order_qty))


def _legs_lines(legs: Legs | None) -> list[Line]:
    if legs is None:
        return []
    stop = fmt.exact(legs.stop_px)
    if legs.stop_limit is not None:
        stop += f", limit {fmt.exact(legs.stop_limit)}"
    return [
        _pair("Exits", fmt.word(legs.contingency)),
        _pair("Take profit", fmt.exact(legs.take_profit)),
        _pair("Stop loss", stop),
    ]


def market_lines(terms: OrderTerms, quote: Quote | None, age_s: float | None, verdict: Verdict) -> list[Line]:
    """List the market with its age, and before and after."""
    shown = fmt.UNKNOWN if quote is None else fmt.bid_ask(quote.bid, quote.ask)
    age = fmt.UNKNOWN if age_s is None else f"{fmt.age(age_s)} s"
    lines = [
        Line((Span("Market now", 0, ink=Ink.TEXT3, size=11),), height=_ROW),
        _pair("Bid × ask", shown),
        _pair("Age of this quote", age),
        Line(
            (
                Span("Effect", 0, ink=Ink.TEXT3, size=11),
                Span("Now", _NOW, right=True, ink=Ink.TEXT3, size=11),
                Span("After", -1, right=True, ink=Ink.TEXT3, size=11),
            ),
            height=_ROW,
        ),
    ]
    for line in verdict.effect:
        spans = (
            Span(words.effect_name(line.name, terms.symbol), 0, ink=Ink.TEXT2, until=_NOW - 66),
            Span(words.effect_figure(line, line.now), _NOW, right=True, ink=Ink.TEXT2),
            Span(words.effect_figure(line, line.after), -1, right=True, weight=SEMIBOLD),
        )
        lines.append(Line(spans, height=_ROW))
    return lines


def rules_title(verdict: Verdict) -> Line:
    """Say how many rules pass."""
    soft = sum(each.outcome is Outcome.SOFT for each in verdict.results)
    text = f"Passes all {len(verdict.results)} rules"
    if soft:
        text = f"{soft} of {len(verdict.results)} rules: unusual"
    mark = Mark.WARN if soft else Mark.CHECK
    return Line((Span(text, PAD + 18, weight=SEMIBOLD),), (Glyph(mark, PAD + 6, 12),), height=28)


def rule_columns(verdict: Verdict, symbol: str) -> tuple[list[Line], list[Line]]:
    """List every rule with its number, in two columns; the ones nearest to their limit come first."""

    def use(result: RuleResult) -> float:
        return words.share_of(result.value, result.limit) or 0.0

    ordered = sorted(verdict.results, key=use, reverse=True)
    half = (len(ordered) + 1) // 2
    return _rules(ordered[:half], symbol), _rules(ordered[half:], symbol)


def _rules(results: Sequence[RuleResult], symbol: str) -> list[Line]:
    return [_rule(each, symbol) for each in results]


def _rule(result: RuleResult, symbol: str) -> Line:
    name = Span(words.rule_name(result.code, symbol), 0, ink=Ink.TEXT2, until=146)
    share = words.share_of(result.value, result.limit)
    is_soft = result.outcome is Outcome.SOFT
    if share is None:
        note = "not judged" if result.outcome is Outcome.NOT_EVALUATED else "unusual" if is_soft else "passes"
        glyphs = (Glyph(Mark.WARN, 152),) if is_soft else ()
        return Line((name, Span(note, -1, right=True, ink=Ink.TEXT2)), glyphs)
    spans = (
        name,
        Span(words.figure(result.value, result.unit), -62, right=True, weight=MEDIUM),
        Span(words.bound(result.limit, result.unit), -1, right=True, ink=Ink.TEXT2),
    )
    glyphs = (Glyph(Mark.WARN, 152),) if share > NEAR or is_soft else ()
    return Line(spans, glyphs, (Bar(164, 208, share),))
