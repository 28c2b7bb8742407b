"""Names that only a framework calls, so that vulture sees them used."""

# Qt calls these overrides.
boundingRect
canFetchMore
closeEvent
columnCount
contextMenuEvent
dataBounds
eventFilter
fetchMore
filterAcceptsRow
flags
focusInEvent
focusOutEvent
headerData
hideEvent
keyPressEvent
keyReleaseEvent
leaveEvent
minimumSizeHint
mouseDoubleClickEvent
mouseMoveEvent
mousePressEvent
mouseReleaseEvent
paintEvent
paintSection
resizeEvent
rowCount
showEvent
sizeHint
sizeHintForColumn
tickStrings
wheelEvent

# The standard library's logging calls this.
handleError

# SQLAlchemy and Alembic call these.
cache_ok
down_revision
process_bind_param
process_literal_param
process_result_value

# aiohttp calls these.
connection_lost
connection_made
handle_error

# urllib3 reads these.
ConnectionCls
pool_classes_by_scheme

# Python itself reads these.
__cause__
__lt__
unraisablehook

# prometheus-client calls this.
collect

# Made for tests, which vulture does not read.
CountedIds
ManualClock
advance
arm
disarm_all
be_unavailable
bust
cancel_external
correct
disconnect
drop_reports
duplicate_reports
hold_reports
lose_answer
lose_feed
lose_request
move_cash
place_external
step_to_close

# Qt calls these overrides too.
clone
enterEvent
focusNextPrevChild
pixmap

# What tests look at, and no other code yet.
buttons
heard
is_catching_up
set_clock
set_filter

# The libraries of Alpaca's adapter read or call these.
_content_consumed
_retry
_retry_codes
process_redirect
trust_env
