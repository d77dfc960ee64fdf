"""The lifespan of the server: this application's own functions, then the lifespans of what is mounted.

Source: https://asgi.readthedocs.io/en/latest/specs/lifespan.html.
"""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, cast

from ..lanes.hop import drive
from ..upstream import bind_executor

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..quart_side.core import Core
    from ..types import Message, Receive, Scope, Send
    from .mounts import Mount


class Lifespan:
    """What Quart calls an ``asgi_lifespan_class``, made with the application and a scope."""

    def __init__(self, core: Core, scope: Scope) -> None:
        self._core = core
        #: What has been started and has to be stopped, the latest first.
        self._started = AsyncExitStack()

    async def __call__(self, receive: Receive, send: Send) -> None:
        async with self._started:
            await receive()  # lifespan.startup
            try:
                await self._start()
            except Exception as error:
                await self._started.aclose()
                await send({"type": "lifespan.startup.failed", "message": _reason(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()  # lifespan.shutdown
            try:
                await self._started.aclose()
            except Exception as error:
                await send({"type": "lifespan.shutdown.failed", "message": _reason(error)})
            else:
                await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        await self._start_core()
        for mount in self._core.server.mounts.with_lifespan():
            lifespan = MountedLifespan(mount)
            self._started.push_async_callback(lifespan.stop)
            await lifespan.start()

    async def _start_core(self) -> None:
        """Call what was registered with ``before_serving`` and ``while_serving``.

        It and its counterparts at the end share one context, and their sync functions one thread: what one of them has
        opened another can close.
        """
        context = contextvars.copy_context()
        thread = self._core.server.threads.lease()
        context.run(bind_executor, cast("Executor", thread))
        self._started.callback(thread.release)
        await drive(self._core.startup(), context)
        self._started.push_async_callback(lambda: drive(self._core.shutdown(), context))


class MountedLifespan:
    """The lifespan of one mounted ASGI application, in a task of its own."""

    def __init__(self, mount: Mount) -> None:
        self._mount = mount
        self._questions: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message | None] = asyncio.Queue()  # None: it has ended
        self._task: asyncio.Task[None]
        self._has_started = False
        self._failure: Exception | None = None

    async def start(self) -> None:
        """Raises RuntimeError, with the reason, if the application says that it cannot start."""
        self._mount.state.clear()
        self._task = asyncio.create_task(self._run())
        answer = await self._ask("startup")
        if answer is None:
            # It does not know lifespans, which is not an error (ASGI lifespan specification).
            return
        if answer["type"] == "lifespan.startup.failed":
            raise RuntimeError(
                f"The application mounted at {self._mount.prefix!r} has failed to start: {answer.get('message', '')}"
            ) from self._failure
        self._has_started = True

    async def stop(self) -> None:
        """Raises RuntimeError, with the reason, if the application fails to end."""
        try:
            answer = await self._ask("shutdown") if self._has_started else None
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._mount.state.clear()
        if self._has_started and (self._failure is not None or _has_failed(answer)):
            reason = _reason(self._failure) if answer is None and self._failure else (answer or {}).get("message", "")
            raise RuntimeError(
                f"The application mounted at {self._mount.prefix!r} has failed to end: {reason}"
            ) from self._failure

    async def _ask(self, phase: str) -> Message | None:
        self._questions.put_nowait({"type": f"lifespan.{phase}"})
        return await self._answers.get()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._mount.state}
        try:
            await self._mount.app(scope, self._questions.get, self._answers.put)
        except Exception as error:
            self._failure = error
        finally:
            self._answers.put_nowait(None)


def _has_failed(answer: Message | None) -> bool:
    return answer is not None and answer["type"].endswith(".failed")


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
