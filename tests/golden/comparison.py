"""When two pictures are the same: antialiasing may differ a little, a word or a figure may not."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QImage

# Another FreeType shades the edges of letters a little differently. A changed digit of the dimmest text in
# the smallest size differs in more pixels, and by more (test_comparison).
NEAR = 40  # of 255, in the channel that differs most
MOST_FAR = 6  # pixels
MOST_MEAN = 1.0  # of 255, over all pixels and channels


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two pictures of one size are apart.

    Attributes:
        mean: mean absolute difference of all channels, of 255.
        far: how many pixels differ by more than `NEAR` in a channel.
        first: the left upper corner of what differs, None where nothing does.
    """

    mean: float
    far: int
    first: tuple[int, int] | None

    @property
    def is_none(self) -> bool:
        """Whether a person would call them one picture."""
        return self.far <= MOST_FAR and self.mean <= MOST_MEAN


def pixels(image: QImage) -> np.ndarray:
    """Return the picture as `(height, width, 3)` of signed integers."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return rows[:, : plain.width() * 3].reshape(plain.height(), plain.width(), 3).astype(np.int16)


def difference(one: QImage, other: QImage) -> Difference:
    """Compare two pictures of the same size."""
    apart = np.abs(pixels(one) - pixels(other))
    far = apart.max(axis=2) > NEAR
    rows, columns = np.nonzero(far)
    first = (int(columns.min()), int(rows.min())) if rows.size else None
    return Difference(float(apart.mean()), int(far.sum()), first)
