"""A Polygon (Massive) server for tests, written from the documents."""

from tests.servers.polygon.server import PolygonServer

__all__ = ["PolygonServer"]
