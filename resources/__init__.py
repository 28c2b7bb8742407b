"""Files that ship with the program: icon, themes, layouts and the stand-alone audit verifier."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent
THEMES = ROOT / "themes"
ICON = ROOT / "icons" / "investiq.svg"
