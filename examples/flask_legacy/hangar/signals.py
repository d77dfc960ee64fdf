"""What happens in the application, for whoever wants to know.

Each signal is sent by the application, with ``subject`` (what it happened to) and ``detail``,
and before the view commits: what a subscriber writes is kept or lost together with the rest.
"""

from blinker import Namespace
from flask import current_app

_signals = Namespace()

user_registered = _signals.signal("user-registered")
user_logged_in = _signals.signal("user-logged-in")
aircraft_changed = _signals.signal("aircraft-changed")
order_opened = _signals.signal("order-opened")
order_closed = _signals.signal("order-closed")
order_reopened = _signals.signal("order-reopened")
document_uploaded = _signals.signal("document-uploaded")
document_deleted = _signals.signal("document-deleted")

ALL = (
    user_registered,
    user_logged_in,
    aircraft_changed,
    order_opened,
    order_closed,
    order_reopened,
    document_uploaded,
    document_deleted,
)


def send(signal, subject, detail=""):
    signal.send(current_app._get_current_object(), subject=subject, detail=detail)
