"""The socket that a server listens on: opened before anything else starts, so that a bad address is one sentence."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .settings import CannotServe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .settings import Settings


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """A bound socket, for one process or several; closed, and the file of a Unix socket removed, at the end.

    :raises CannotServe: if the address cannot be had, with the reason.
    """
    path, fd = settings.uvicorn.get("uds"), settings.uvicorn.get("fd")
    if fd is not None:
        listener = _inherited(fd)
    elif path is not None:
        listener = _at_path(path)
    else:
        listener = _at_address(settings.host, settings.port)
    listener.set_inheritable(True)
    with listener:
        try:
            yield listener
        finally:
            if path is not None and fd is None:
                with suppress(OSError):
                    os.unlink(path)


def _inherited(fd: int) -> socket.socket:
    """A socket that somebody else has opened, such as systemd."""
    try:
        return socket.socket(fileno=os.dup(fd))
    except OSError as error:
        raise CannotServe(f"The file descriptor {fd} is no socket ({error.strerror}).") from error


def _at_address(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if os.name == "posix":  # on Windows it would let two programs share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        # Bound, and not listening yet: clients are refused, and may try another server, until the application runs.
        listener.bind((host, port))
    except (OSError, UnicodeError) as error:
        listener.close()
        raise CannotServe(reason_at_address(error, host, port)) from error
    return listener


def reason_at_address(error: OSError | UnicodeError, host: str, port: int) -> str:
    """What stands in the way of listening there, and what to do."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return f"The host {host!r} is no address of this machine: {error}."
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is in use by another program. Stop that one, or choose another port (0 takes any"
            " that is free)."
        )
    if error.errno == errno.EACCES:
        return (
            f"Port {port} may be used by privileged programs only. Choose one from 1024 on, and let a proxy, a"
            " container or a systemd socket have the low one."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"This machine has no address {host}. 127.0.0.1 is for itself only, 0.0.0.0 is all that it has."
    return f"The address {host}:{port} cannot be used: {error.strerror}."


def _at_path(path: str) -> socket.socket:
    """A Unix socket. One that nobody listens on any more is replaced."""
    permissions = 0o666  # uvicorn's: a proxy, which runs as somebody else, has to reach it
    with suppress(FileNotFoundError):
        mode = Path(path).stat().st_mode
        if not stat.S_ISSOCK(mode):
            raise CannotServe(f"{path} exists and is no socket; choose another path for the Unix socket.")
        if _is_served(path):
            raise CannotServe(f"Another program listens on {path}. Stop that one, or choose another path.")
        permissions = stat.S_IMODE(mode)
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(path)
        os.chmod(path, permissions)
    except OSError as error:
        listener.close()
        raise CannotServe(f"The Unix socket {path} cannot be made: {error.strerror or error}.") from error
    return listener


def _is_served(path: str) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        return True
    return False
