"""The tokens of a theme, read from ``resources/themes``, and the theme that is in force."""

import tomllib
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache

from PySide6.QtGui import QColor

from resources import THEMES


class ThemeName(StrEnum):
    DARK = "dark"
    LIGHT = "light"
    CONTRAST = "contrast"


class GainLoss(StrEnum):
    """The pair of hues for up and down; sign and arrow carry the meaning in each of them."""

    BLUE_ORANGE = "blue_orange"
    GREEN_RED = "green_red"
    REVERSED = "reversed"
    MONO = "mono"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Every colour of the window. Five hues have a meaning; nothing else has a hue."""

    name: ThemeName
    scrim_pct: int
    surface0: QColor
    surface1: QColor
    surface2: QColor
    surface3: QColor
    line: QColor
    edge: QColor
    text1: QColor
    text2: QColor
    text3: QColor
    accent: QColor
    on_accent: QColor
    gain: QColor
    loss: QColor
    gain_shape: QColor
    loss_shape: QColor
    gain_fill: QColor
    loss_fill: QColor
    on_fill: QColor
    warn: QColor
    warn_line: QColor
    warn_tint: QColor
    halt: QColor
    halt_fill: QColor
    halt_tint: QColor
    live: QColor
    live_fill: QColor
    live_tint: QColor

    def colour(self, token: str) -> QColor:
        """Return the colour of a token that is known by name only, as an icon's is."""
        found = getattr(self, token)
        if not isinstance(found, QColor):
            raise KeyError(token)
        return found

    @property
    def scrim(self) -> QColor:
        """Return the veil that is laid over the window behind a sheet."""
        return QColor(0, 0, 0, round(255 * self.scrim_pct / 100))

    @property
    def shadow(self) -> QColor:
        """Return one of the layers that a sheet's soft shadow is painted with."""
        return QColor(0, 0, 0, round(9 * self.scrim_pct / 50))


COLOUR_TOKENS = tuple(f.name for f in fields(Tokens) if f.name not in ("name", "scrim_pct"))


@lru_cache(maxsize=16)
def load_theme(name: ThemeName = ThemeName.DARK, gain_loss: GainLoss = GainLoss.BLUE_ORANGE) -> Tokens:
    """Read a theme, with one of its gain and loss palettes.

    Raises:
        KeyError: The file lacks a token, or names one that does not exist.
    """
    data = tomllib.loads((THEMES / f"{name}.toml").read_text(encoding="utf-8"))
    colours = dict(data["colours"])
    if gain_loss is not GainLoss.BLUE_ORANGE:
        colours.update(data["palettes"][gain_loss.value])
    if set(colours) != set(COLOUR_TOKENS):
        raise KeyError(f"{name}.toml: tokens differ: {sorted(set(colours) ^ set(COLOUR_TOKENS))}")
    return Tokens(
        name=name,
        scrim_pct=data["scrim_pct"],
        **{token: QColor(text) for token, text in colours.items()},
    )


@dataclass(frozen=True, slots=True)
class Density:
    """The measures, in px, that change with the chosen row height."""

    name: str
    row: int
    column_head: int
    panel_head: int
    field: int
    field_gap: int


DENSE = Density("dense", 20, 22, 28, 24, 6)
NORMAL = Density("normal", 24, 24, 32, 28, 8)
ROOMY = Density("roomy", 30, 30, 36, 32, 10)
DENSITIES = {each.name: each for each in (DENSE, NORMAL, ROOMY)}


@dataclass(frozen=True, slots=True)
class Look:
    """What the person chose: colours, row height, and whether anything may fade."""

    tokens: Tokens
    density: Density = NORMAL
    reduced_motion: bool = False


_look: list[Look] = []


def look() -> Look:
    """Return the look in force. Painters ask at every paint, so a change needs no wiring. GUI thread only."""
    if not _look:
        _look.append(Look(load_theme()))
    return _look[0]


def tokens() -> Tokens:
    """Return the colours in force. GUI thread only."""
    return look().tokens


def density() -> Density:
    """Return the row heights in force. GUI thread only."""
    return look().density


def set_look(new: Look) -> None:
    """Put a look in force. To tell Qt as well, call ``stylesheet.apply_look`` instead."""
    _look[:] = [new]
