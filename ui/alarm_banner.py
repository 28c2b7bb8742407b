"""The banner that stands, and sounds, while nobody says that an alarm was seen (B12)."""

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget

from core.domain.alarms import Alarm
from core.domain.messages import AcknowledgeAlarms, AlarmEscalated, AlarmsChanged, InOrder, LoadAlarms
from ui import format as fmt
from ui.bridge import Bridge
from ui.widgets.banner import Banner, BannerKind
from ui.widgets.buttons import Button, Dress

SOUND_EVERY_MS = 20_000


class AlarmBanner(Banner):
    """Shows the oldest alarm that nobody has seen in time, and how many wait. GUI thread only."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(BannerKind.HALT, parent)
        self.setObjectName("banner.alarm")
        self._bridge = bridge
        self._waiting: tuple[Alarm, ...] = ()
        self.seen = Button("Seen", Dress.ON_HALT)
        self.seen.clicked.connect(lambda _=False: self._acknowledge())
        self.add_button(self.seen)
        self._sound = QTimer(self, interval=SOUND_EVERY_MS)
        self._sound.timeout.connect(QApplication.beep)
        bridge.in_order.connect(self._on_event)
        bridge.snapshot_loaded.connect(lambda _: bridge.send(LoadAlarms(), self._show))
        self.hide()

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, AlarmsChanged):
            self._show(event.waiting)
        elif isinstance(event, AlarmEscalated):
            QApplication.beep()

    def _late(self) -> tuple[Alarm, ...]:
        return tuple(alarm for alarm in self._waiting if alarm.escalated)

    def _show(self, waiting: tuple[Alarm, ...]) -> None:
        self._waiting = waiting
        late = self._late()
        if not late:
            self._sound.stop()
            self.hide()
            return
        if not self._sound.isActive():
            self._sound.start()
        first = late[0]
        title = "An alarm that nobody has seen" if len(late) == 1 else f"{len(late)} alarms nobody has seen"
        times = "" if first.count == 1 else f", {first.count} times"
        self.say(title, f"since {fmt.clock(first.raised_at)}{times}", first.text)
        self.setToolTip("\n".join(alarm.text for alarm in late))
        self.show()

    def _acknowledge(self) -> None:
        self._bridge.send(AcknowledgeAlarms(tuple(alarm.alarm_id for alarm in self._late())), self._show)
