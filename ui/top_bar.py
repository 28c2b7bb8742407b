"""The bar at the top: which account, what it is worth, whether trading is on, and what time it is."""

from datetime import datetime
from decimal import Decimal

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from core.domain.access import Mode
from core.domain.market import Quote
from core.domain.messages import AccountMark, ProfileFacts
from ui import format as fmt
from ui.models.columns import Mark
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD
from ui.theme.icons import icon, paint_icon
from ui.theme.tokens import tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.empty import cap_width, paint_cap
from ui.widgets.glyphs import draw_mark
from ui.widgets.lamps import ModeBadge, StateChip

HEIGHT = 40
_FIELD_WIDTH = 420
_FIELD_SHARE = 0.497  # of the window, from its left edge to the field
_COMPACT = 1500
Piece = tuple[str, int, int, str]  # text, size, weight, token


class Figures(QWidget):
    """A line of painted texts in tokens' colours, with an arrow where one is asked for."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._pieces: list[Piece | Mark | int] = []
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_pieces(self, pieces: list[Piece | Mark | int]) -> None:
        """Show texts, arrows, and gaps in px."""
        if pieces == self._pieces:
            return
        before = self.sizeHint()
        self._pieces = pieces
        words = " ".join(piece[0] for piece in pieces if isinstance(piece, tuple))
        self.setAccessibleName(f"{self._name}: {words}")
        if self.sizeHint() != before:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        width = 0.0
        for piece in self._pieces:
            if isinstance(piece, tuple):
                width += text_width(piece[0], piece[1], piece[2])
            else:
                width += piece if isinstance(piece, int) else 8
        return QSize(round(width) + 1, HEIGHT - 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look, x = QPainter(self), tokens(), 0.0
        for piece in self._pieces:
            if isinstance(piece, tuple):
                text, size, weight, ink = piece
                x += draw_text(painter, x, 0, self.height(), text, size, weight, look.colour(ink))
            elif isinstance(piece, int):
                x += piece
            else:
                draw_mark(painter, piece, x + 4, self.height() / 2, look, size=8)
                x += 8
        painter.end()


class SearchField(QWidget):
    """What looks like a field and opens the palette; it shows the linked symbol with its price."""

    opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._symbol, self._quote = "", (None, None)
        self.setFixedSize(_FIELD_WIDTH, 26)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Symbol or command, Ctrl+K")

    _quote: tuple[Decimal | None, Decimal | None]

    def show_symbol(self, symbol: str, last: Decimal | None, change_pct: Decimal | None) -> None:
        """Show the linked symbol; empty shows none."""
        if (symbol, (last, change_pct)) != (self._symbol, self._quote):
            self._symbol, self._quote = symbol, (last, change_pct)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.opened.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look, high = QPainter(self), tokens(), self.height()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.surface2)
        painter.drawRoundedRect(self.rect(), 4, 4)
        paint_icon(painter, "magnifying-glass", QRect(9, (high - 14) // 2, 14, 14), "text3")
        x: float = 28
        if self._symbol:
            x += draw_text(painter, x, 0, high, self._symbol, 12, SEMIBOLD, look.text1) + 12
            last, change = self._quote
            x += draw_text(painter, x, 0, high, fmt.price(last), 12, MEDIUM, look.text1) + 12
            way = fmt.sign(change)
            if way:
                draw_mark(painter, Mark.UP if way > 0 else Mark.DOWN, x + 4, high / 2, look, size=7)
                x += 12
            ink = look.gain if way > 0 else look.loss if way < 0 else look.text2
            x += draw_text(painter, x, 0, high, fmt.signed_percent(change), 12, REGULAR, ink) + 16
        cap = self.width() - 8 - cap_width("Ctrl+K")
        if x + text_width("Symbol or command", 12) < cap - 8:
            draw_text(painter, x, 0, high, "Symbol or command", 12, REGULAR, look.text3)
        paint_cap(painter, cap, high / 2, "Ctrl+K", look.text3, look.line)
        painter.end()


def _tool(name: str, text: str, parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    button.setIcon(icon(name))
    button.setIconSize(QSize(16, 16))
    button.setFixedSize(28, 28)
    button.setToolTip(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setAccessibleName(text)
    return button


class TopBar(QWidget):
    """40 px; shows dashes until something is known.

    Attributes:
        field: opens the palette.
        menu, lock, bell: buttons; the window says what they do.
        state: the trading state.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self._profile: ProfileFacts | None = None
        self._mark: AccountMark | None = None
        self._link_ms: float | None = None
        self._now: datetime | None = None
        self._unread = 0
        self.menu = _tool("list", "Menu", self)
        self.lock = _tool("lock-simple", "Lock", self)
        self.bell = _tool("bell", "Notices", self)
        self.mode, self.state = ModeBadge(Mode.SIM, self), StateChip(parent=self)
        self.mode.hide()
        self.state.hide()
        self.field = SearchField(self)
        self._brand, self._account = Figures("Program", self), Figures("Account", self)
        self._worth, self._clock = Figures("Worth", self), Figures("Clock", self)
        self._unread_text = Figures("Unread notices", self)
        self._lay_out()
        self._brand.show_pieces([("InvestIQ", 14, SEMIBOLD, "text1")])
        self._refresh()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 1)
        row.setSpacing(0)
        left: list[tuple[QWidget, int]] = [
            (self.menu, 6), (self._brand, 12), (self.mode, 10), (self._account, 24), (self._worth, 12),
        ]  # fmt: skip
        right: list[tuple[QWidget, int]] = [
            (self.state, 20), (self._clock, 16), (self.lock, 0), (self.bell, 0), (self._unread_text, 2),
        ]  # fmt: skip
        for widget, gap in left:
            row.addWidget(widget)
            row.addSpacing(gap)
        row.addStretch(1)
        for widget, gap in right:
            row.addWidget(widget)
            row.addSpacing(gap)

    def show_profile(self, profile: ProfileFacts) -> None:
        """Show the profile's mode and account."""
        self._profile = profile
        self.mode.set_mode(profile.mode)
        self.mode.show()
        self.state.show()
        self._refresh()

    def show_account(self, mark: AccountMark) -> None:
        """Show what the account is worth."""
        self._mark = mark
        self._refresh_worth()

    def show_link(self, last_ms: float) -> None:
        """Show how long the broker took to acknowledge."""
        self._link_ms = last_ms
        self._refresh_clock()

    def show_time(self, now: datetime) -> None:
        """Show market time."""
        self._now = now
        self._refresh_clock()

    def show_unread(self, count: int) -> None:
        """Show how many notices nobody has looked at."""
        self._unread = count
        self._unread_text.show_pieces([(str(count), 12, REGULAR, "text2")] if count else [])

    def show_quote(self, symbol: str, quote: Quote | None) -> None:
        """Show the linked symbol in the field."""
        self.field.show_symbol(
            symbol, None if quote is None else quote.last, None if quote is None else quote.change_pct
        )

    def _refresh(self) -> None:
        name = "No profile open" if self._profile is None else self._profile.account
        is_shown = self.width() >= _COMPACT or self._profile is None
        self._account.show_pieces([(name, 12, REGULAR, "text2")] if is_shown else [])
        self._refresh_worth()
        self._refresh_clock()

    def _refresh_worth(self) -> None:
        mark = self._mark
        day = None if mark is None else mark.day_pnl
        way = fmt.sign(day)
        ink = "gain" if way > 0 else "loss" if way < 0 else "text1"
        equity = fmt.money(None if mark is None else mark.equity)
        pieces: list[Piece | Mark | int] = [
            ("Equity", 12, REGULAR, "text3"),
            8,
            (equity, 13, MEDIUM, "text1"),
        ]
        pieces += [20, ("Day", 12, REGULAR, "text3"), 8]
        if way:
            pieces += [Mark.UP if way > 0 else Mark.DOWN, 6]
        pieces.append((fmt.pnl(day), 13, SEMIBOLD, ink))
        if mark is not None and mark.day_pnl_pct is not None:
            pieces += [8, (fmt.signed_percent(mark.day_pnl_pct), 13, REGULAR, ink)]
        if self.width() >= _COMPACT or mark is None:
            power = fmt.money(None if mark is None else mark.buying_power)
            pieces += [20, ("Buying power", 12, REGULAR, "text3"), 8, (power, 13, MEDIUM, "text1")]
        self._worth.show_pieces(pieces)

    def _refresh_clock(self) -> None:
        pieces: list[Piece | Mark | int] = []
        if self.width() >= _COMPACT or self._profile is None:
            link = fmt.UNKNOWN if self._link_ms is None else f"{self._link_ms:.0f}"
            pieces += [("Link", 12, REGULAR, "text3"), 6, (link, 12, MEDIUM, "text1"), 4]
            pieces += [("ms", 12, REGULAR, "text3"), 20]
        pieces += [(fmt.clock(self._now), 13, SEMIBOLD, "text1"), 5, (fmt.zone_word(), 12, REGULAR, "text3")]
        self._clock.show_pieces(pieces)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._refresh()
        self.place_field()

    def place_field(self) -> None:
        """Put the field where it neither covers the figures nor the state."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
        left = self._worth.geometry().right() + 16
        right = (self.state if self.state.isVisibleTo(self) else self._clock).geometry().left() - 24
        width = min(_FIELD_WIDTH, max(140, right - left))
        x = max(left, min(round(self.width() * _FIELD_SHARE), right - width))
        self.field.setFixedWidth(width)
        self.field.move(x, (HEIGHT - self.field.height()) // 2)
        self.field.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        is_live = self._profile is not None and self._profile.mode is Mode.LIVE
        painter.fillRect(self.rect(), look.live_tint if is_live else look.surface1)
        painter.fillRect(QRect(0, HEIGHT - 1, self.width(), 1), look.live if is_live else look.line)
        for x in (self._worth.x() - 12, self.lock.x() - 9):
            painter.fillRect(QRect(x, 10, 1, 20), look.line)
        painter.end()
