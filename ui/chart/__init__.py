"""The candle chart: bars in numpy, a viewport, and layers that paint a canvas."""
