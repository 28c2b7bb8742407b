"""Which bars and prices are on the screen, and where: pan, zoom and follow, without drawing."""

from dataclasses import dataclass
from typing import Final

DEFAULT_BARS: Final = 104
MIN_PITCH: Final = 4.0
MAX_PITCH: Final = 9.0
CLOSEST_PITCH: Final = 48.0
MARGIN_PX: Final = 30.0
EDGE_BARS: Final = 3


@dataclass(slots=True)
class Viewport:
    """The visible span, in bar indices (bar i is centred on i) and prices, of a plot `width` px wide."""

    width: float = 1.0
    count: int = 0
    left: float = -0.5
    right: float = DEFAULT_BARS
    follow: bool = True
    is_default: bool = True
    low: float = 0.0
    high: float = 1.0
    top: float = 0.0
    bottom: float = 1.0

    @property
    def pitch(self) -> float:
        """Pixels a bar."""
        return self.width / (self.right - self.left)

    def x_of(self, index: float) -> float:
        return (index - self.left) * self.pitch

    def index_of(self, x: float) -> float:
        return self.left + x / self.pitch

    def y_of(self, price: float) -> float:
        return self.top + (self.high - price) * (self.bottom - self.top) / (self.high - self.low)

    def price_of(self, y: float) -> float:
        return self.high - (y - self.top) * (self.high - self.low) / (self.bottom - self.top)

    def visible(self) -> tuple[int, int] | None:
        """Return the first and last visible bar, or None if none is."""
        first, last = max(0, int(self.left)), min(self.count - 1, int(self.right) + 1)
        return (first, last) if first <= last else None

    def reset(self, count: int) -> None:
        """Show the newest bars at the default pitch; a short history starts at the left."""
        self.count = count
        self.is_default = True
        pitch = min(MAX_PITCH, max(MIN_PITCH, self.width / DEFAULT_BARS))
        self._show_newest(self.width / pitch)

    def resize(self, width: float) -> None:
        """Take a new width: at the default pitch, or at the present one once a person has moved the view."""
        if width == self.width:
            return
        span = (self.right - self.left) * width / self.width
        self.width = width
        if self.is_default:
            self.reset(self.count)
        elif self.follow:
            self._show_newest(span)
        else:
            self.left = self.right - span

    def grow(self, count: int) -> None:
        """Take over a new number of bars; while following, the newest stays in view."""
        self.count = count
        if self.follow and count - 1 > self.right - MARGIN_PX / self.pitch:
            self._show_newest(self.right - self.left)

    def pan(self, bars: float) -> None:
        """Move towards newer bars (negative: older), never past the data."""
        self.is_default = False
        span = self.right - self.left
        right = self.right + bars
        right = min(max(right, min(EDGE_BARS, self.count) - 0.5), self.count - 1 + span - EDGE_BARS + 0.5)
        self.left, self.right = right - span, right
        self.follow = self.left <= self.count - 1 <= self.right

    def zoom(self, factor: float, anchor: float) -> None:
        """Multiply the span by `factor` and keep the bar index `anchor` where it is."""
        span = self.right - self.left
        widest = max(self.count + MARGIN_PX, self.width / MIN_PITCH)
        wanted = min(max(span * factor, self.width / CLOSEST_PITCH), widest)
        share = (anchor - self.left) / span
        self.left = anchor - share * wanted
        self.right = self.left + wanted
        self.pan(0)

    def to_newest(self) -> None:
        """Follow the newest bar at the present zoom."""
        self._show_newest(self.right - self.left)

    def to_oldest(self) -> None:
        """Show the first bar at the left edge, at the present zoom."""
        self.is_default = False
        span = self.right - self.left
        self.left, self.right = -1.0, span - 1.0
        self.follow = self.count - 1 <= self.right

    def _show_newest(self, span: float) -> None:
        margin = MARGIN_PX * span / self.width
        self.right = max(self.count - 1 + margin, span - 1.0)
        self.left = self.right - span
        self.follow = True

    def fit_prices(self, low: float, high: float, marks: list[float]) -> None:
        """Fit the prices to the visible bars, and to marks that do not halve their height."""
        pad = (high - low) or abs(high) * 0.002 or 1.0
        reach_low, reach_high = low - pad / 2, high + pad / 2
        near = [price for price in marks if reach_low <= price <= reach_high]
        low, high = min([low, *near]), max([high, *near])
        pad = max((high - low) * 0.1, abs(high) * 0.0005, 1e-6)
        self.low, self.high = low - pad, high + pad
