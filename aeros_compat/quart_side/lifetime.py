"""What a Quart application does from the start of its server to the end."""

from __future__ import annotations

import contextvars
import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

from quart import Quart

from ..lanes.hop import is_on_loop
from ..upstream import bind_executor, serving_loop

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from ..webserver import WebServer


class Lifetime(Quart):
    """The part of the core that starts and ends, with sync functions where Quart has async ones only."""

    @property
    def server(self) -> WebServer:
        raise NotImplementedError  # the core's

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._while_serving: list[Callable[[], AsyncGenerator[None, None]]] = []
        super().__init__(*args, **kwargs)

    def while_serving(self, func: Any) -> Any:
        """Register a generator function, async or sync."""
        make = partial(_in_threads, self, func) if inspect.isgeneratorfunction(func) else func
        super().while_serving(make)
        self._while_serving.append(make)
        return func

    async def startup(self) -> None:
        if not (self.before_serving_funcs or self.while_serving_gens):
            # Quart would push an application context. A Flask application whose teardown functions count on a request
            # would not start.
            self.shutdown_event = self.event_class()
            return
        # New ones each time: an application may be served, stopped, and served again.
        self.while_serving_gens[:] = [make() for make in self._while_serving]
        try:
            await super().startup()
        except BaseException:
            # What has been opened is closed, and what has not begun does not begin.
            for generator in reversed(self.while_serving_gens):
                await generator.aclose()
            raise

    async def shutdown(self) -> None:
        if self.after_serving_funcs or self.while_serving_gens or self.background_tasks:
            await super().shutdown()
        else:
            self.shutdown_event.set()

    def add_background_task(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run ``func`` in the background. Its sync pieces take turns: they must not hold the request's thread."""
        context = contextvars.copy_context()
        context.run(bind_executor, self.server.threads.turns())
        add = partial(context.run, super().add_background_task, func, *args, **kwargs)
        if is_on_loop():
            add()
        elif (loop := serving_loop()) is not None:
            loop.call_soon_threadsafe(add)
        else:
            raise RuntimeError(
                "A background task needs a running server. Add it from a view, a hook or a before_serving function."
            )


async def _in_threads(core: Quart, func: Callable[[], Generator[None, None, None]]) -> AsyncGenerator[None, None]:
    """A sync generator function as an async one, for ``while_serving``."""
    generator = func()
    advance = core.sync_to_async(partial(next, generator, _ENDED))
    try:
        if await advance() is _ENDED:
            return
        yield
        while await advance() is not _ENDED:
            yield  # one too many, which Quart reports
    finally:
        await core.sync_to_async(generator.close)()


_ENDED: Any = object()
