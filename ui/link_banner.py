"""The banner that stands while a link is down: what that means for orders, and the way back."""

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from core.domain.messages import LinkChanged, LinkState, Part
from ui import format as fmt
from ui.facts import WindowFacts
from ui.our_time import utc_now
from ui.widgets.banner import Banner, BannerKind
from ui.widgets.buttons import Button, Dress

# A link that is begun again at once is the lamp's business alone.
PATIENCE_S = 3.0

_MEANS = {
    Part.ORDERS: "Nothing that opens a position leaves; what works at the broker works on.",
    Part.FEED: "Prices are old, so only what lessens a position leaves.",
}
_TITLES = {Part.ORDERS: "The broker is not connected", Part.FEED: "The price feed is not connected"}


class LinkBanner(Banner):
    """Shows the order stream first, the feed only while that is well.

    Attributes:
        reconnect_wanted: the `Part` that is to be tried again now.
    """

    reconnect_wanted = Signal(object)

    def __init__(
        self, facts: WindowFacts, parent: QWidget | None = None, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        super().__init__(BannerKind.UNKNOWN, parent)
        self._facts, self._now = facts, now
        self._part = Part.ORDERS
        again = Button("Try again now", Dress.OUTLINE)
        again.clicked.connect(lambda _=False: self.reconnect_wanted.emit(self._part))
        self.add_button(again)
        self._seconds = QTimer(self, interval=1000)
        self._seconds.timeout.connect(self.refresh)
        self.hide()
        facts.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show the link that is down, and for how long; nothing while both are well."""
        down = [
            link for part in _MEANS if (link := self._facts.links.get(part)) is not None and _is_down(link)
        ]
        if not down:
            self._seconds.stop()
            self.hide()
            return
        if not self._seconds.isActive():
            self._seconds.start()
        link = down[0]
        lasted = (self._now() - link.since).total_seconds()
        self._part = link.part
        remark = f"for {fmt.span(max(0.0, lasted))}. {_MEANS[link.part]}"
        self.say(_TITLES[link.part], remark, link.text or "It is tried again by itself.")
        self.setToolTip(link.text)  # in full, where the line is too short for it
        self.setVisible(lasted >= PATIENCE_S)


def _is_down(link: LinkChanged) -> bool:
    return link.state is LinkState.DOWN
