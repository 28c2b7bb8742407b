"""The program's icon in every form that a desktop asks for, drawn from resources/icons/investiq.svg."""

import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from resources import ICON as DRAWING
from resources.packaging import PROGRAM

SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
# Apple's names of the kinds that hold a PNG, with its width.
ICNS_KINDS = ((b"ic11", 32), (b"ic12", 64), (b"ic07", 128), (b"ic08", 256), (b"ic09", 512))


def draw(size: int) -> bytes:
    """Return the icon as a PNG, `size` pixels wide; needs no screen, and no application of Qt."""
    from PySide6.QtCore import QBuffer, QIODevice, Qt
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(DRAWING)).render(painter)
    painter.end()
    target = QBuffer()
    target.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(target, "PNG")  # type: ignore[call-overload]
    return bytes(target.data().data())


def ico(pictures: Sequence[tuple[int, bytes]]) -> bytes:
    """Return a Windows icon of PNGs, each with its width: a table of contents, then the pictures."""
    head = struct.pack("<HHH", 0, 1, len(pictures))
    offset = len(head) + 16 * len(pictures)
    for size, png in pictures:
        head += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(png), offset)
        offset += len(png)
    return head + b"".join(png for _, png in pictures)


def icns(pictures: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a macOS icon of PNGs, each with its kind."""
    body = b"".join(kind + struct.pack(">I", len(png) + 8) + png for kind, png in pictures)
    return b"icns" + struct.pack(">I", len(body) + 8) + body


def icon_file(folder: Path) -> Path:
    """Write the icon that goes into the program file of this platform, and return where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "darwin":
        path, content = folder / f"{PROGRAM}.icns", icns([(kind, draw(size)) for kind, size in ICNS_KINDS])
    else:
        path, content = folder / f"{PROGRAM}.ico", ico([(size, draw(size)) for size in ICO_SIZES])
    path.write_bytes(content)
    return path
