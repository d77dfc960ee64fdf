"""Open files as bodies: ``wsgi.file_wrapper``."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Bytes of a file that are read at once. Werkzeug asks for 8 KiB: on the way to the loop each block costs a crossing.
BLOCK = 256 * 1024


class FileWrapper:
    """``wsgi.file_wrapper``: an iterable over the rest of an open file (PEP 3333, section "Optional Platform-Specific
    File Handling").

    Werkzeug's ``send_file`` and ``SharedDataMiddleware`` and WhiteNoise use the one that the environ offers. Werkzeug
    cuts ranges out of it by :meth:`seek` and :meth:`tell`.
    """

    def __init__(self, file: Any, block_size: int = BLOCK) -> None:
        self.file = file
        self._block_size = max(block_size, BLOCK)
        if hasattr(file, "close"):
            self.close: Callable[[], object] = file.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block: bytes = self.file.read(self._block_size)
        if not block:
            raise StopIteration
        return block

    def seekable(self) -> bool:
        return hasattr(self.file, "seekable") and bool(self.file.seekable())

    def seek(self, *args: int) -> None:
        self.file.seek(*args)

    def tell(self) -> int:
        position: int = self.file.tell()
        return position

    def fits_in_a_block(self, length: int) -> bool:
        """Whether one read of ``length`` bytes and one more shows that this is the rest of the file.

        Of what ``open()`` gives, and of bytes in memory: other objects may give less than they have, or be told apart
        by when they are closed.
        """
        return length < self._block_size and type(self.file) in (io.BufferedReader, io.BytesIO)

    def path_to_send(self, length: int | None) -> str | None:
        """The path by which a server may send this file in place of reading it, if there is one. See below."""
        return None


class PathFileWrapper(FileWrapper):
    """What the environ offers where the server has ``http.response.pathsend``
    (https://asgi.readthedocs.io/en/latest/extensions.html#path-send)."""

    def path_to_send(self, length: int | None) -> str | None:
        """The path, if sending it gives what reading the rest of the file would give: ``length`` bytes, all of it.

        The server opens the path again. So it has to be that very file still: a deployment may have replaced it.
        """
        file = self.file
        raw = file.raw if type(file) is io.BufferedReader else file
        # Only what open() gives: other objects with a name and a descriptor (gzip's) read something else than the file.
        if type(raw) is not io.FileIO or not isinstance(raw.name, (str, bytes)):
            return None
        path = os.path.abspath(os.fsdecode(raw.name))
        try:
            opened, named = os.fstat(raw.fileno()), os.stat(path)
            whole = file.tell() == 0 and opened.st_size == length
        except (OSError, ValueError):
            return None
        return path if whole and stat.S_ISREG(opened.st_mode) and os.path.samestat(opened, named) else None


def file_wrapper_for(extensions: dict[str, Any] | None) -> type[FileWrapper]:
    """What ``wsgi.file_wrapper`` is on a server with these ASGI extensions."""
    return PathFileWrapper if extensions and "http.response.pathsend" in extensions else FileWrapper
