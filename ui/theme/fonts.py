"""IBM Plex Sans from its package, in the sizes and weights of the window."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtGui import QFont, QFontDatabase, QFontMetricsF

FAMILY = "IBM Plex Sans"
FALLBACKS = ("Inter", "Segoe UI", "system-ui", "DejaVu Sans")
PACKAGE = "fontpkg_ibm_plex_sans"
FACE_FILE = "IBMPlexSans[wdth,wght].ttf"

REGULAR, MEDIUM, SEMIBOLD = 400, 500, 600
CAP_HEIGHT = 0.698  # of the size, for IBM Plex Sans

_WEIGHT_AXIS = QFont.Tag("wght")
_WIDTH_AXIS = QFont.Tag("wdth")
_TABULAR = QFont.Tag("tnum")


def package_file(package: str, *parts: str) -> Path:
    """Find a data file of an installed package without importing it, which would cost start-up time.

    Raises:
        FileNotFoundError: The package, or the file in it, is not installed.
    """
    spec = find_spec(package)
    roots = list(spec.submodule_search_locations or ()) if spec else []
    for root in roots:
        path = Path(root, *parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"{package}: {'/'.join(parts)} is not installed")


@lru_cache(maxsize=1)
def register_fonts() -> bool:
    """Make the bundled face known to Qt, once; say whether it is there. Needs a QGuiApplication."""
    try:
        path = package_file(PACKAGE, "files", FACE_FILE)
    except FileNotFoundError:
        return False
    return QFontDatabase.addApplicationFont(str(path)) >= 0


@lru_cache(maxsize=64)
def font(size: int, weight: int = REGULAR) -> QFont:
    """Return the face at ``size`` px, weight 400, 500 or 600, figures tabular. Shared: do not change it."""
    made = QFont([FAMILY, *FALLBACKS])
    made.setPixelSize(size)
    made.setWeight(QFont.Weight(weight))
    # The package holds one variable face; Qt does not map QFont.weight to the axis of an application font.
    made.setVariableAxis(_WEIGHT_AXIS, float(weight))
    made.setVariableAxis(_WIDTH_AXIS, 100.0)
    made.setFeature(_TABULAR, 1)
    return made


@lru_cache(maxsize=64)
def metrics(size: int, weight: int = REGULAR) -> QFontMetricsF:
    """Return the metrics of ``font(size, weight)``."""
    return QFontMetricsF(font(size, weight))


def baseline(top: float, height: float, size: int) -> int:
    """Return the y of the baseline that centres capitals of ``size`` px in a row."""
    return round(top + (height + CAP_HEIGHT * size) / 2)
