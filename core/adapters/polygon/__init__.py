"""Market data of Polygon (Massive); the only place that knows its words."""

from core.adapters.polygon.feed import PolygonFeed

__all__ = ["PolygonFeed"]
