"""The bar at the bottom: how each part does, how old the prices are, and whether money is real."""

from datetime import datetime

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.domain.access import Mode
from core.domain.market import MarketSession, SessionPhase
from core.domain.messages import LinkChanged, LinkState, Part, ProfileFacts
from ui import format as fmt
from ui.theme.fonts import MEDIUM, REGULAR
from ui.theme.tokens import tokens
from ui.top_bar import Figures, Piece
from ui.widgets.lamps import Lamp, LampState

HEIGHT = 24
_NAMES = {
    Part.BROKER: "Broker",
    Part.ORDERS: "Orders",
    Part.FEED: "Feed",
    Part.DATABASE: "Database",
    Part.AUDIT: "Audit",
}
_LAMPS = {
    LinkState.UP: LampState.OK,
    LinkState.SLOW: LampState.SLOW,
    LinkState.DOWN: LampState.DOWN,
    LinkState.CONNECTING: LampState.SLOW,
}
_MONEY = {
    Mode.SIM: "Simulated prices and fills; no real money",
    Mode.PAPER: "Paper money; no order costs anything",
    Mode.LIVE: "LIVE: orders cost real money",
}
_PHASES = {
    SessionPhase.CLOSED: "Market closed",
    SessionPhase.PRE: "Before the session",
    SessionPhase.REGULAR: "Regular session",
    SessionPhase.POST: "After the session",
}
_SESSION_FROM = 1400  # px of the bar from which the session has room


class StatusBar(QWidget):
    """24 px. Healthy is silent; a part that is not says since when."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self._lamps = {part: Lamp(name, self) for part, name in _NAMES.items()}
        self._links: dict[Part, LinkChanged] = {}
        self._figures, self._right = Figures("Pace", self), Figures("Status", self)
        self._age_s: float | None = None
        self._stall_ms: float | None = None
        self._p99_ms: float | None = None
        self._waiting = ""
        self._money, self._session, self._fact = "Nothing is connected", "", ""
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(14)
        for lamp in self._lamps.values():
            row.addWidget(lamp)
        row.addSpacing(12)
        row.addWidget(self._figures)
        row.addStretch(1)
        row.addWidget(self._right)
        self._show_pace()
        self._show_right()

    def show_profile(self, profile: ProfileFacts) -> None:
        """Say what an order of this profile costs."""
        self._money = _MONEY[profile.mode]
        self._show_right()

    def show_link(self, link: LinkChanged, now: datetime) -> None:
        """Show a part's state."""
        self._links[link.part] = link
        self.age_links(now)

    def age_links(self, now: datetime) -> None:
        """Say anew for how long a part has not been well."""
        for part, link in self._links.items():
            words = ""
            if link.state is not LinkState.UP:
                words = f"{link.state.value}, {fmt.span((now - link.since).total_seconds())}"
            self._lamps[part].set_state(_LAMPS[link.state], words)
            self._lamps[part].setToolTip("")
            self._lamps[part].setAccessibleDescription(link.text)

    def show_age(self, age_s: float | None) -> None:
        """Show how old the newest quote is."""
        self._age_s = age_s
        self._show_pace()

    def show_stall(self, stall_ms: float) -> None:
        """Show the longest stall of the last minute."""
        self._stall_ms = stall_ms
        self._show_pace()

    def show_ack(self, p99_ms: float) -> None:
        """Show the p99 from order to acknowledgement."""
        self._p99_ms = p99_ms
        self._show_pace()

    def show_waiting(self, count: int, wait_s: float) -> None:
        """Say how many requests the broker's rate limit holds back, and until when the first has to wait."""
        self._waiting = f"{count} requests wait {fmt.span(wait_s)}" if count else ""
        self._show_pace()

    def show_session(self, session: MarketSession) -> None:
        """Show the market day's phase and how long it lasts."""
        words = _PHASES[session.phase]
        left = (session.closes - session.now).total_seconds()
        if session.phase is SessionPhase.REGULAR and left > 0:
            words += f", closes in {fmt.long_span(left)}"
        elif session.phase is SessionPhase.PRE:
            words += f", opens in {fmt.long_span((session.opens - session.now).total_seconds())}"
        self._session = words
        self._show_right()

    def say(self, fact: str) -> None:
        """Show a fact in place of the money's words; empty shows those again."""
        self._fact = fact
        self._show_right()

    def _show_pace(self) -> None:
        def ms(value: float | None) -> str:
            return fmt.UNKNOWN if value is None else f"{value:.0f} ms"

        age = fmt.UNKNOWN if self._age_s is None else f"{fmt.age(self._age_s)} s"
        pieces: list[Piece | int] = []
        named = (
            ("Quote age", age),
            ("Longest stall", ms(self._stall_ms)),
            ("Order to ack, p99", ms(self._p99_ms)),
        )
        for name, value in named:
            pieces += [(name, 11, REGULAR, "text3"), 6, (value, 11, MEDIUM, "text1"), 16]
        if self._waiting:
            pieces += [("Rate limit", 11, REGULAR, "text3"), 6, (self._waiting, 11, MEDIUM, "warn"), 16]
        self._figures.show_pieces(list(pieces))

    def _show_right(self) -> None:
        pieces: list[Piece | int] = [(self._fact or self._money, 11, REGULAR, "text1")]
        if self._session and self.width() >= _SESSION_FROM:
            pieces += [20, (self._session, 11, REGULAR, "text3")]
        self._right.show_pieces(list(pieces))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        painter.fillRect(self.rect(), look.surface1)
        painter.fillRect(QRect(0, 0, self.width(), 1), look.line)
        painter.fillRect(QRect(self._figures.x() - 14, 6, 1, 12), look.line)
        painter.end()
