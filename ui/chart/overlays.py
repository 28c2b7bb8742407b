"""Our own fills, working orders, position and last price, as lines, triangles and tags that never overlap."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from ui import format as fmt
from ui.chart.axes import TEXT_X
from ui.chart.labels import draw_text, text_width
from ui.chart.marks import ChartFill, ChartOrder, ChartPosition
from ui.chart.scene import LEGEND_H, Scene
from ui.chart.series import BarSeries
from ui.theme.fonts import MEDIUM, SEMIBOLD
from ui.theme.tokens import Tokens

TAG_H: Final = 18
TAG_GAP: Final = 2
TAG_RIGHT: Final = 12
_CROSS_W = 22
_MARK = 6.0


@dataclass(frozen=True, slots=True)
class Tag:
    """A line at a price, with a tag at the right that may have to stand elsewhere, at `y`."""

    price: float
    label: str
    text: str
    value: str
    colour: QColor
    dashes: tuple[float, ...]
    cl_ord_id: str | None = None
    is_fixed: bool = False
    is_filled: bool = False
    is_position: bool = False
    y: float = 0.0


def order_tag(order: ChartOrder, tokens: Tokens) -> Tag:
    """Describe a working order: dashed, a stop dotted, in the colour of its side."""
    side = "Buy" if order.is_buy else "Sell"
    part = "" if order.leaves_qty == order.order_qty else f" of {fmt.qty(order.order_qty)}"
    return Tag(
        price=float(order.px),
        label=fmt.price(order.px),
        text=f"{side} {fmt.qty(order.leaves_qty)}{part}, {order.kind}",
        value="",
        colour=tokens.gain_shape if order.is_buy else tokens.loss_shape,
        dashes=(2.0, 3.0) if order.is_stop else (5.0, 3.0),
        cl_ord_id=order.cl_ord_id if order.can_cancel else None,
    )


def position_tag(position: ChartPosition, tokens: Tokens) -> Tag:
    """Describe the position: a solid line at its average price, with its total P&L."""
    side = "Long" if position.qty > 0 else "Short"
    text, value = f"{side} {fmt.qty(abs(position.qty))}", fmt.pnl(position.total_pnl)
    label = fmt.price(position.avg_px)
    return Tag(float(position.avg_px), label, text, value, tokens.text3, (), is_position=True)


def last_tag(price: Decimal, change: Decimal | None, tokens: Tokens) -> Tag:
    """Describe the last price: a dotted hairline and a filled tag that never gives way."""
    fill = tokens.edge if not change else tokens.gain_fill if change > 0 else tokens.loss_fill
    return Tag(float(price), fmt.price(price), "", "", fill, (1.0, 3.0), is_fixed=True, is_filled=True)


def stack(tags: list[Tag], low: float, high: float) -> list[Tag]:
    """Give every tag a `y` between `low` and `high` so that none overlaps; a fixed one keeps its own place.

    `y` holds the wanted place on entry. Tags above the fixed one are pushed up, those below it down.
    """
    step = TAG_H + TAG_GAP
    inside = (replace(tag, y=min(max(tag.y, low), high)) for tag in tags)
    ordered = sorted(inside, key=lambda tag: (tag.y, -tag.price))
    fixed = next((index for index, tag in enumerate(ordered) if tag.is_fixed), None)
    if fixed is None:
        return _spread(ordered, low, high, step)
    here = ordered[fixed]
    # A tag at exactly the price of the fixed one goes to the side that has room.
    above = _spread(ordered[:fixed], low, max(low, here.y - step), step)
    below = _spread(ordered[fixed + 1 :], min(high, here.y + step), high, step)
    return [*above, here, *below]


def _spread(tags: list[Tag], low: float, high: float, step: float) -> list[Tag]:
    places = [min(max(tag.y, low), high) for tag in tags]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + step)
    limit = high
    for index in reversed(range(len(places))):
        places[index] = min(places[index], limit)
        limit = places[index] - step
    return [replace(tag, y=place) for tag, place in zip(tags, places, strict=True)]


class TagLayer:
    """Draws stacked tags, and remembers where their crosses are."""

    def __init__(self) -> None:
        self._crosses: list[tuple[QRectF, str]] = []

    def cross_at(self, point: QPointF) -> str | None:
        """Return the order whose cross is under the point."""
        return next((cl_ord_id for area, cl_ord_id in self._crosses if area.contains(point)), None)

    @staticmethod
    def placed(tags: list[Tag], scene: Scene) -> list[Tag]:
        """Stack tags along the price axis; those whose price is out of view stand at its end."""
        view = scene.view
        wanted = [
            replace(tag, y=float(round(view.y_of(tag.price))), text=_pointing(tag, view.low, view.high))
            for tag in tags
        ]
        return stack(wanted, LEGEND_H + TAG_H / 2, scene.areas.volume_top - TAG_H / 2 - 2)

    def paint_lines(self, painter: QPainter, scene: Scene, tags: list[Tag]) -> None:
        for tag in tags:
            y = round(scene.view.y_of(tag.price))
            if not LEGEND_H <= y < scene.areas.volume_top:
                continue
            pen = QPen(tag.colour, 0)
            if tag.dashes:
                pen.setStyle(Qt.PenStyle.CustomDashLine)
                pen.setDashPattern(list(tag.dashes))
            painter.setPen(pen)
            painter.drawLine(0, y, scene.areas.plot_w - 1, y)

    def paint_tags(self, painter: QPainter, scene: Scene, tags: list[Tag], hovered: str | None) -> None:
        self._crosses.clear()
        for tag in tags:
            self._paint_price(painter, scene, tag)
            if tag.text:
                self._paint_box(painter, scene, tag, hovered)

    def _paint_price(self, painter: QPainter, scene: Scene, tag: Tag) -> None:
        tokens, areas = scene.tokens, scene.areas
        top = tag.y - TAG_H // 2
        box = QRectF(areas.plot_w + 0.5, top + 0.5, areas.width - areas.plot_w - 1, TAG_H - 1)
        fill = tag.colour if tag.is_filled else tokens.surface2 if tag.is_position else scene.ground
        painter.fillRect(QRectF(areas.plot_w + 1, top, areas.width - areas.plot_w - 1, TAG_H), fill)
        if not (tag.is_filled or tag.is_position):
            painter.setPen(QPen(tag.colour, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box)
        colour = _price_colour(tag, tokens)
        draw_text(painter, areas.plot_w + TEXT_X, top, TAG_H, tag.label, colour, 12, MEDIUM)

    def _paint_box(self, painter: QPainter, scene: Scene, tag: Tag, hovered: str | None) -> None:
        tokens, top = scene.tokens, tag.y - TAG_H // 2
        value_w = text_width(tag.value, 12, MEDIUM) + 10 if tag.value else 0.0
        width = text_width(tag.text, 12, MEDIUM) + 16 + value_w + (_CROSS_W - 6 if tag.cl_ord_id else 0)
        right = scene.areas.plot_w - TAG_RIGHT
        box = QRectF(round(right - width) + 0.5, top + 0.5, round(width) - 1, TAG_H - 1)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(tag.colour, 1))
        painter.setBrush(tokens.surface1)
        painter.drawRoundedRect(box, 2.5, 2.5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        end = draw_text(painter, box.left() + 7.5, top, TAG_H, tag.text, tokens.text1, 12, MEDIUM)
        if tag.value:
            draw_text(painter, end + 10, top, TAG_H, tag.value, tokens.text1, 12, MEDIUM)
        if tag.cl_ord_id:
            self._paint_cross(painter, scene, tag, right, tag.cl_ord_id == hovered)

    def _paint_cross(self, painter: QPainter, scene: Scene, tag: Tag, right: float, is_hovered: bool) -> None:
        centre = QPointF(right - _CROSS_W / 2 - 0.5, tag.y)
        area = QRectF(right - _CROSS_W, tag.y - TAG_H / 2, _CROSS_W, TAG_H)
        if is_hovered:
            painter.fillRect(area.adjusted(1, 1, -2, -1), scene.tokens.surface3)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(scene.tokens.text1 if is_hovered else scene.tokens.text2, 1.2))
        for sign in (-1, 1):
            painter.drawLine(centre + QPointF(-3.5, -3.5 * sign), centre + QPointF(3.5, 3.5 * sign))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if tag.cl_ord_id:
            # The target is larger than the glyph: 24 px wide, and it meets its neighbours above and below.
            self._crosses.append((area.adjusted(-2, -1, 0, 1), tag.cl_ord_id))


def _pointing(tag: Tag, low: float, high: float) -> str:
    if not tag.text or low <= tag.price <= high:
        return tag.text
    return f"{'↑' if tag.price > high else '↓'} {tag.text}"


def _price_colour(tag: Tag, tokens: Tokens) -> QColor:
    if tag.is_filled:
        return tokens.on_fill if tag.colour != tokens.edge else tokens.surface0
    if tag.is_position:
        return tokens.text2
    return tokens.gain if tag.colour == tokens.gain_shape else tokens.loss


class FillLayer:
    """Triangles with the quantity: bought below the bar, sold above it; fills of one bar are added up."""

    def __init__(self) -> None:
        self._indices: list[int] = []
        self._fills: list[ChartFill] = []

    def place(self, fills: Sequence[ChartFill], series: BarSeries) -> None:
        """Find each fill's bar; one before the first bar is not shown."""
        found = sorted(((series.index_at(fill.time), fill) for fill in fills), key=lambda pair: pair[0])
        kept = [(index, fill) for index, fill in found if index >= 0]
        self._indices = [index for index, _ in kept]
        self._fills = [fill for _, fill in kept]

    def paint(self, painter: QPainter, scene: Scene) -> None:
        if not self._indices or not len(scene.bars.last):
            return
        step, first = scene.bars.step, int(scene.bars.last[0]) // scene.bars.step
        start = bisect_left(self._indices, first * step)
        stop = bisect_right(self._indices, int(scene.bars.last[-1]))
        sums: dict[tuple[int, bool], Decimal] = defaultdict(Decimal)
        for index, fill in zip(self._indices[start:stop], self._fills[start:stop], strict=True):
            sums[index // step - first, fill.is_buy] += fill.qty
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for (bucket, is_buy), qty in sums.items():
            self._paint_mark(painter, scene, bucket, is_buy, qty)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    @staticmethod
    def _paint_mark(painter: QPainter, scene: Scene, bucket: int, is_buy: bool, qty: Decimal) -> None:
        tokens, x = scene.tokens, float(scene.x[bucket]) + 0.5
        extreme = scene.bars.low[bucket] if is_buy else scene.bars.high[bucket]
        way = 1 if is_buy else -1
        tip = scene.view.y_of(float(extreme)) + way * 5
        tip = min(max(tip, LEGEND_H + 26.0), scene.areas.volume_top - 26.0)
        base = tip + way * 9
        painter.setPen(QPen(scene.ground, 1))
        painter.setBrush(tokens.gain_shape if is_buy else tokens.loss_shape)
        painter.drawPolygon(QPolygonF([QPointF(x, tip), QPointF(x - _MARK, base), QPointF(x + _MARK, base)]))
        text = fmt.qty(qty)
        left = x - text_width(text, 11, SEMIBOLD) / 2
        top = base + 1 if is_buy else base - 15
        draw_text(painter, left, top, 14, text, tokens.gain if is_buy else tokens.loss, 11, SEMIBOLD)
