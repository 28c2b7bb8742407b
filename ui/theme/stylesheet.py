"""Fusion, a palette and a short style sheet: the only place that tells Qt about colours."""

from dataclasses import replace

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from ui.theme.fonts import font, register_fonts
from ui.theme.tokens import Look, Tokens, look, set_look

_SHEET = """
QToolTip {{ background: {surface2}; color: {text1}; border: 1px solid {edge}; padding: 4px 8px; }}
QMenu {{ background: {surface1}; color: {text1}; border: 1px solid {edge}; padding: 4px 0; }}
QMenu::item {{ padding: 5px 28px 5px 12px; }}
QMenu::item:selected {{ background: {surface3}; }}
QMenu::item:disabled {{ color: {text3}; }}
QMenu::separator {{ height: 1px; background: {line}; margin: 4px 0; }}
QMenuBar {{ background: {surface1}; color: {text2}; }}
QMenuBar::item:selected {{ background: {surface3}; }}
QMainWindow::separator {{ background: {line}; width: 1px; height: 1px; }}
QSplitter::handle {{ background: {line}; }}
QScrollBar:vertical {{ background: transparent; width: 6px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 6px; margin: 0; }}
QScrollBar::handle {{ background: {edge}; border-radius: 1px; margin: 1px;
    min-height: 24px; min-width: 24px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QAbstractScrollArea {{ border: 0; }}
QLineEdit, QPlainTextEdit {{ background: {surface2}; color: {text1}; border: 1px solid {edge};
    border-radius: 4px; padding: 0 10px; min-height: 26px;
    selection-background-color: {edge}; selection-color: {text1}; }}
QLineEdit:focus, QPlainTextEdit:focus {{ border: 2px solid {accent}; padding: 0 9px; min-height: 24px; }}
QLineEdit:disabled {{ color: {text3}; border-color: {line}; }}
QLineEdit[refused="true"] {{ border: 2px solid {halt}; padding: 0 9px; min-height: 24px; }}
QLineEdit[bare="true"] {{ background: transparent; border: 0; padding: 0; min-height: 0; }}
QToolButton {{ background: transparent; border: 0; border-radius: 4px; color: {text2}; padding: 3px; }}
QToolButton:hover, QToolButton:checked {{ background: {surface3}; color: {text1}; }}
QToolButton:focus {{ border: 2px solid {accent}; padding: 1px; }}
QToolButton::menu-indicator {{ width: 0; }}
QCheckBox:disabled, QRadioButton:disabled {{ color: {text3}; }}
"""


def sheet(tokens: Tokens) -> str:
    """Return the style sheet of a theme."""
    names = ("surface1", "surface2", "surface3", "line", "edge", "text1", "text2", "text3", "accent", "halt")
    return _SHEET.format(**{name: tokens.colour(name).name() for name in names})


def palette(tokens: Tokens) -> QPalette:
    """Return the palette of a theme, for what Fusion draws itself."""
    role = QPalette.ColorRole
    made = QPalette()
    pairs: dict[QPalette.ColorRole, QColor] = {
        role.Window: tokens.surface1,
        role.WindowText: tokens.text1,
        role.Base: tokens.surface1,
        role.AlternateBase: tokens.surface1,
        role.Text: tokens.text1,
        role.PlaceholderText: tokens.text3,
        role.Button: tokens.surface2,
        role.ButtonText: tokens.text1,
        role.BrightText: tokens.text1,
        role.ToolTipBase: tokens.surface2,
        role.ToolTipText: tokens.text1,
        role.Highlight: tokens.surface3,
        role.HighlightedText: tokens.text1,
        role.Accent: tokens.accent,
        role.Link: tokens.text1,
        role.LinkVisited: tokens.text2,
        role.Light: tokens.surface3,
        role.Midlight: tokens.surface2,
        role.Mid: tokens.line,
        role.Dark: tokens.line,
        role.Shadow: tokens.surface0,
    }
    for each, colour in pairs.items():
        made.setColor(each, colour)
    for each in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, each, tokens.text3)
    return made


def apply_theme(app: QApplication, tokens: Tokens) -> None:
    """Show the whole program in a theme, now; density and motion stay as they are. GUI thread only."""
    apply_look(app, replace(look(), tokens=tokens))


def prepare_theme(app: QApplication, tokens: Tokens) -> None:
    """Take a theme but for its style sheet.

    `apply_theme` follows once the window is made, before it is shown. Qt holds the sheet against a widget
    whenever this gets another parent: a window that is made under it takes 40 ms longer, and looks the same.
    """
    _prepare(app, replace(look(), tokens=tokens))


def apply_look(app: QApplication, new: Look) -> None:
    """Show the whole program in a look, now. GUI thread only."""
    _prepare(app, new)
    app.setStyleSheet(sheet(new.tokens))


def _prepare(app: QApplication, new: Look) -> None:
    register_fonts()
    set_look(new)
    if app.style().objectName() != "fusion":
        app.setStyle("Fusion")
    app.setFont(font(12))
    app.setPalette(palette(new.tokens))
