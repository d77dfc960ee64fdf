"""Commands of the application: Flask's groups, with callbacks that may be ``async def``."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any

import click
from asgiref.sync import async_to_sync
from flask.cli import AppGroup

from .callables import is_async
from .conversion import add_class
from .lanes.hop import is_on_loop

if TYPE_CHECKING:
    from collections.abc import Callable


class CommandGroup(AppGroup):
    """Flask's ``AppGroup``, in which the callback of a command may be a coroutine function."""

    @classmethod
    def extend(cls, group: click.Group) -> None:
        """Make a group one of these, in place, with the commands that it has."""
        add_class(group, cls)
        for command in group.commands.values():
            _await_callbacks(command)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        _await_callbacks(cmd)
        super().add_command(cmd, name)


def _await_callbacks(command: click.Command) -> None:
    if isinstance(command, click.Group):
        for member in command.commands.values():
            _await_callbacks(member)
    callback = command.callback
    if callback is not None and is_async(inspect.unwrap(callback)) and not hasattr(callback, "awaits"):
        command.callback = _awaiting(callback)


def _awaiting(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def call(*args: Any, **kwargs: Any) -> Any:
        # Called here and not in the loop: with_appcontext around it asks click for its context, a thread-local.
        result = callback(*args, **kwargs)

        async def wait() -> Any:
            return await result

        return async_to_sync(wait)() if is_on_loop() else asyncio.run(wait())

    call.awaits = True  # type: ignore[attr-defined]
    return call
