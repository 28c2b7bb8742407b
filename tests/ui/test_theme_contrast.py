"""Every pair of colours in use keeps its contrast, also for eyes that see fewer of them."""

import pytest

from ui.theme.tokens import GainLoss, ThemeName, Tokens, load_theme

TEXT, SHAPE = 4.5, 3.0

# Machado, Oliveira and Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency", severity 1.0; applied to linear RGB.
VISIONS = {
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}

PANELS = ("surface0", "surface1", "surface2", "surface3")
TINTS = ("warn_tint", "halt_tint", "live_tint")

# ink -> (the grounds it is used on, the least contrast)
PAIRS: dict[str, tuple[tuple[str, ...], float]] = {
    "text1": (PANELS + TINTS, TEXT),
    "text2": (PANELS + TINTS, TEXT),
    "text3": (PANELS, TEXT),
    "on_accent": (("accent",), TEXT),
    "on_fill": (("gain_fill", "loss_fill", "halt_fill", "live_fill"), TEXT),
    "gain": ((*PANELS, "live_tint"), TEXT),
    "loss": ((*PANELS, "live_tint"), TEXT),
    "edge": (("surface1", "surface2"), SHAPE),
    "accent": (PANELS + TINTS, SHAPE),
    "gain_shape": (PANELS, SHAPE),
    "loss_shape": (PANELS, SHAPE),
    "gain_fill": (("surface0", "surface1"), SHAPE),
    "loss_fill": (("surface0", "surface1"), SHAPE),
    "warn_line": ((*PANELS, "warn_tint"), SHAPE),
    "halt": ((*PANELS, "halt_tint"), SHAPE),
    "live": (("surface0", "surface1", "live_tint"), SHAPE),
}


def linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def luminance(tokens: Tokens, token: str, vision: str) -> float:
    colour = tokens.colour(token)
    rgb = [linear(value) for value in (colour.redF(), colour.greenF(), colour.blueF())]
    seen = [min(1.0, max(0.0, sum(k * v for k, v in zip(row, rgb, strict=True)))) for row in VISIONS[vision]]
    return 0.2126 * seen[0] + 0.7152 * seen[1] + 0.0722 * seen[2]


def contrast(tokens: Tokens, ink: str, ground: str, vision: str) -> float:
    lower, higher = sorted((luminance(tokens, ink, vision), luminance(tokens, ground, vision)))
    return (higher + 0.05) / (lower + 0.05)


def lowest(tokens: Tokens, ink: str) -> tuple[float, str, str]:
    return min(
        (contrast(tokens, ink, ground, vision), ground, vision)
        for ground in PAIRS[ink][0]
        for vision in VISIONS
    )


@pytest.mark.parametrize("gain_loss", GainLoss)
@pytest.mark.parametrize("name", ThemeName)
@pytest.mark.parametrize("ink", PAIRS)
def test_contrast_of_every_pair_in_use_is_enough(name: ThemeName, gain_loss: GainLoss, ink: str) -> None:
    tokens = load_theme(name, gain_loss)

    found, ground, vision = lowest(tokens, ink)

    # 2.95 and 4.45 print as the 3.0 and 4.5 of the table
    assert found >= PAIRS[ink][1] - 0.05, f"{ink} on {ground}, {vision}: {found:.2f}"


def test_contrast_of_black_on_white_is_the_known_21() -> None:
    tokens = load_theme(ThemeName.CONTRAST)

    assert contrast(tokens, "text1", "surface0", "normal") == pytest.approx(21.0, abs=0.01)


def test_contrast_of_a_grey_that_is_too_close_is_refused() -> None:
    tokens = load_theme(ThemeName.DARK)

    assert contrast(tokens, "line", "surface1", "normal") < SHAPE
