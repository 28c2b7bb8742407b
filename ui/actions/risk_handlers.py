"""What the actions of the risk desk do: breakers, radar, parameters, and the size of an order."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from core.domain.access import Role
from core.domain.breakers import BreakerBoard, BreakerRecord, BreakerStanding
from core.domain.messages import (
    AcknowledgeBreaker,
    ExportDailyReport,
    LoadBreakers,
    LoadDailyReport,
    LoadRadar,
    LoadRisk,
    SetRiskParameters,
    UpdateTargetProfile,
)
from core.domain.parameters import ParameterEdit, RadarAxis, TargetProfile
from core.domain.radar import Radar
from core.domain.reports import DailyReport
from core.ids import Symbol
from ui.actions.registry import Handlers
from ui.dialogs.breakers import BreakerSheet
from ui.dialogs.parameters import ParameterSheet
from ui.dialogs.radar import show_radar
from ui.dialogs.report import show_report
from ui.notices import words_of, words_of_failed_read
from ui.parts import Parts


class RiskHandlers:
    """Opens the sheets of the risk desk; what a person may is decided by the desk again."""

    def __init__(self, parts: Parts, holes: Callable[[], list[QWidget]]) -> None:
        self._parts, self._holes = parts, holes
        parts.facts.symbol_changed.connect(self._on_symbol)

    def handlers(self) -> Handlers:
        """Return what is called, by the names of the catalogue."""
        return {
            "show_breakers": self.show_breakers,
            "show_radar": self.show_radar,
            "turn_radar": self.turn_radar,
            "show_report": self.show_report,
            "edit_parameters": self.edit_parameters,
        }

    @property
    def _is_admin(self) -> bool:
        profile = self._parts.facts.profile
        return profile is not None and profile.role == Role.ADMIN.value

    def show_breakers(self) -> None:
        """Show how the breakers stand, and let one that tripped be acknowledged."""
        bridge, window = self._parts.bridge, self._parts.window

        def opened(board: BreakerBoard) -> None:
            sheet = BreakerSheet(window, acknowledge, may=self._is_admin, holes=self._holes())
            sheets.append(sheet)
            sheet.open_board(board)

        def acknowledge(standing: BreakerStanding, reason: str) -> None:
            command = AcknowledgeBreaker(standing.name, standing.source, reason)
            bridge.send(command, taken, failed)

        def taken(record: BreakerRecord) -> None:
            sheets[0].acknowledged(record)
            bridge.send(LoadBreakers(), sheets[0].show_board)

        def failed(error: Exception) -> bool:
            sheets[0].say(words_of(error))
            return True

        sheets: list[BreakerSheet] = []
        bridge.send(LoadBreakers(), opened, self._on_unread)

    def show_radar(self) -> None:
        """Show what the radar is made of."""

        def opened(radar: Radar) -> None:
            show_radar(self._parts.window, radar, self._holes())

        command = LoadRadar(self._parts.risk.watch.symbol)
        self._parts.bridge.send(command, opened, self._on_unread)

    def show_report(self) -> None:
        """Show what the market day that runs has come to."""
        parts = self._parts

        def opened(report: DailyReport) -> None:
            show_report(parts.window, report, lambda: export(report), self._holes())

        def export(report: DailyReport) -> None:
            folder = QFileDialog(parts.window, "Folder for the report")
            folder.setFileMode(QFileDialog.FileMode.Directory)
            folder.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            folder.fileSelected.connect(lambda path: write(Path(path), report))
            folder.open()

        def write(path: Path, report: DailyReport) -> None:
            parts.bridge.send(ExportDailyReport(path, report.market_date), written)

        def written(paths: tuple[Path, ...]) -> None:
            parts.notices.say("Written: " + ", ".join(path.name for path in paths))

        parts.bridge.send(LoadDailyReport(), opened, self._on_unread)

    def _on_unread(self, error: Exception) -> bool:
        self._parts.notices.warn(words_of_failed_read(error))
        return True

    def turn_radar(self) -> None:
        """Watch the radar of the linked symbol, or of the portfolio again."""
        watch, symbol = self._parts.risk.watch, self._parts.facts.symbol
        watch.show_symbol(Symbol(symbol) if symbol and watch.symbol is None else None)

    def _on_symbol(self, symbol: str) -> None:
        watch = self._parts.risk.watch
        if watch.symbol is not None and symbol:
            watch.show_symbol(Symbol(symbol))

    def edit_parameters(self) -> None:
        """Show the risk parameters and the target, and let an administrator change them."""
        bridge = self._parts.bridge

        def change(edits: tuple[ParameterEdit, ...], reason: str) -> None:
            bridge.send(SetRiskParameters(edits, reason), sheet.taken, refused)

        def aim(targets: tuple[tuple[RadarAxis, str], ...], reason: str) -> None:
            bridge.send(UpdateTargetProfile(targets, reason), aimed, refused)

        def aimed(_: TargetProfile) -> None:
            bridge.send(LoadRisk(), sheet.taken)

        def refused(error: Exception) -> bool:
            sheet.refused(error)
            return True

        sheet = ParameterSheet(self._parts.window, change, aim, may=self._is_admin, holes=self._holes())

        def unread(error: Exception) -> bool:
            sheet.deleteLater()
            return self._on_unread(error)

        bridge.send(LoadRisk(), sheet.open_view, unread)
