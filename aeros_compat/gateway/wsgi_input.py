"""``wsgi.input`` (PEP 3333): the request body as a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from werkzeug.exceptions import RequestEntityTooLarge

from .body import FLASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import WriteableBuffer

    from .body import Body


class Pieces(io.RawIOBase):
    """A body that streams, piece by piece. Each read blocks the thread that reads."""

    def __init__(self, body: Body, limit: Callable[[], int | None]) -> None:
        self._body = body
        self._limit = limit
        #: The piece that is being read, and how much of it has been; and how much of the body has come in all.
        self._piece = b""
        self._start = 0
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """As of a raw stream: what is there, waited for if nothing is."""
        view = memoryview(buffer).cast("B")
        if self._start == len(self._piece):
            self._advance()
        size = min(len(view), len(self._piece) - self._start)
        view[:size] = memoryview(self._piece)[self._start : self._start + size]
        self._start += size
        return size

    def take(self, size: int) -> bytes:
        """``size`` bytes, fewer only at the end."""
        end = self._start + size
        if end <= len(self._piece):
            start, self._start = self._start, end
            return self._piece[start:end]
        taken = [self._rest()]
        missing = size - len(taken[0])
        while missing > 0 and self._advance():
            if len(self._piece) > missing:
                self._start = missing
                taken.append(self._piece[:missing])
            else:
                taken.append(self._rest())
            missing -= len(taken[-1])
        return b"".join(taken)

    def readall(self) -> bytes:
        taken = [self._rest()]
        while self._advance():
            taken.append(self._rest())
        return b"".join(taken)

    def _rest(self) -> bytes:
        """What has not been read of the piece: the piece itself, if nothing has."""
        start, self._start = self._start, len(self._piece)
        return self._piece[start:]

    def _advance(self) -> bool:
        """Go to the next piece; whether there is one."""
        self._piece, self._start = self._next(), 0
        self._position += len(self._piece)
        return bool(self._piece)

    def _next(self) -> bytes:
        limit = self._limit()
        if limit is not None and self._body.size > limit:
            raise RequestEntityTooLarge()
        kept = self._body.kept
        if kept is not None and self._body.reader != FLASK:
            return kept[self._position :]
        piece = self._body.read_from_thread()
        # Werkzeug stops at the limit without looking whether more would come: a body without Content-Length would be
        # cut there, and nobody told.
        if limit is not None and self._position + len(piece) >= limit and self._body.is_longer_from_thread(limit):
            raise RequestEntityTooLarge()
        return piece


class Input(io.BufferedIOBase):
    """``wsgi.input`` over a body that streams.

    Who reads blocks, as most do, gets them cut out of the pieces. Who reads lines gets them from Python's own buffer,
    and goes on with that.
    """

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._buffered: io.BufferedReader | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if self._buffered is not None:
            return self._buffered.read(size)
        return self._pieces.readall() if size is None or size < 0 else self._pieces.take(size)

    def read1(self, size: int = -1, /) -> bytes:
        return self._lines().read1(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._lines().readline(size)

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:
        return self._lines().readlines(-1 if hint is None else hint)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._lines())

    def __next__(self) -> bytes:
        return next(self._lines())

    def _lines(self) -> io.BufferedReader:
        if self._buffered is None:
            self._buffered = io.BufferedReader(self._pieces, buffer_size=64 * 1024)
        return self._buffered


def wsgi_input(body: Body, limit: Callable[[], int | None]) -> io.BufferedIOBase:
    """``wsgi.input`` over ``body``.

    ``limit`` gives the MAX_CONTENT_LENGTH of the request, as it stands when the body is read.
    """
    if body.collected is not None:
        return io.BytesIO(body.collected)
    return Input(Pieces(body, limit))
