"""What a request waits for at its client, when there is somebody who waits."""

from __future__ import annotations

import asyncio


class Wakeup:
    """An ``asyncio.Event`` that is made when somebody waits for it: most requests have come when they are looked at."""

    _is_set = False
    _event: asyncio.Event | None = None

    def set(self) -> None:
        self._is_set = True
        if self._event is not None:
            self._event.set()

    def clear(self) -> None:
        self._is_set = False
        if self._event is not None:
            self._event.clear()

    async def wait(self) -> None:
        if not self._is_set:
            if self._event is None:
                self._event = asyncio.Event()
            await self._event.wait()
