"""Looking for garbage less often: in processes that serve; and not at all while this package is imported.

CPython looks for objects that only know each other whenever 700 more have been made than given back (2,000 from Python
3.13 on). So many belong to a few dozen requests that wait, which are looked through again and again for nothing: a
request is given back when it ends, without the collector. With 256 of them that was a quarter of the server's time.
What is imported stays.
"""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Objects that are made before the collector looks for garbage: those of some 400 requests.
OBJECTS = 10_000

#: What CPython 3.11 to 3.13 begin with. Whoever has set another number has had a reason.
_INTERPRETERS = (700, 2000)


def collect_less() -> None:
    """Collect garbage less often, unless the program has said how often, or switched it off."""
    youngest, *older = gc.get_threshold()
    if youngest in _INTERPRETERS:
        gc.set_threshold(OBJECTS, *older)


@contextmanager
def collecting_less() -> Iterator[None]:
    """:func:`collect_less` for the block, if that is what the program does: on its main thread.

    What the application sets inside of the block stays.
    """
    before = gc.get_threshold()
    if threading.current_thread() is threading.main_thread():
        collect_less()
    within = gc.get_threshold()
    try:
        yield
    finally:
        if gc.get_threshold() == within:
            gc.set_threshold(*before)


@contextmanager
def not_collecting() -> Iterator[None]:
    """No collector for the block, in which things are made that stay; afterwards they are among the old ones.

    Nothing of that on another thread than the main one, or in a program that has the collector off, or frozen objects.
    """
    is_guest = threading.current_thread() is not threading.main_thread()
    if is_guest or not gc.isenabled() or gc.get_freeze_count():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        # Both only hang lists onto others. A collection would look at each of some 100,000 objects.
        gc.freeze()
        gc.unfreeze()
        gc.enable()
