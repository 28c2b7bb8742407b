"""The candle chart: bars in numpy, a viewport, and layers that paint a canvas."""


def warm() -> None:
    """Import numpy and what reads bars, so that the GUI thread finds them imported. For any thread but that.

    Nothing of Qt is touched: its classes come to life at the first look, which belongs to the GUI thread.
    """
    from ui.chart import series  # noqa: F401 - for its effect
