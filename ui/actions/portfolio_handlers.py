"""What opens from the portfolio's figures."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QWidget

from core.domain.figures import Figure, FigureProof
from core.domain.messages import ExplainFigure
from core.domain.outcomes import EquitySnapshot
from ui.dialogs.figure_proof import Export, show_closes, show_figure_proof
from ui.notices import words_of_failed_read
from ui.panels.portfolio_rows import title_of
from ui.parts import Parts


class PortfolioHandlers:
    """Takes figures apart. GUI thread only.

    Args:
        holes: what stays in reach beside a sheet.
        export: asks for a file and writes a table into it.
    """

    def __init__(self, parts: Parts, holes: Callable[[], Sequence[QWidget]], export: Export) -> None:
        self._parts = parts
        self._holes = holes
        self._export = export
        parts.portfolio.figure_wanted.connect(self.explain)
        parts.portfolio.closes_wanted.connect(self.show_closes)

    def explain(self, figure: Figure) -> None:
        """Ask what a figure is made of, and show it."""
        window = self._parts.window

        def show(proof: FigureProof) -> None:
            show_figure_proof(window, proof, self._export, self._holes())

        def failed(error: Exception) -> bool:
            words = words_of_failed_read(error)
            self._parts.notices.warn(f"{title_of(figure)} cannot be taken apart now. {words}")
            return True

        self._parts.bridge.send(ExplainFigure(figure.name, figure.of), show, failed)

    def show_closes(self, closes: Sequence[EquitySnapshot]) -> None:
        """Show the closes that returns and ratios are made of."""
        show_closes(self._parts.window, closes, self._export, self._holes())
