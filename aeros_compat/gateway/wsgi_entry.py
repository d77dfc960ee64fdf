"""``app(environ, start_response)``: the WSGI entry, for test clients, WSGI servers, and as a way back.

It drives the same ASGI application that production serves. The application runs on an event loop of a background
thread; sync code comes back to the caller's own thread, which waits here and works off what it is sent. So a test sees
its thread-locals, its context variables and its pushed contexts inside the view, as under Flask.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
import threading
from contextlib import nullcontext
from http import HTTPStatus
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, cast

from ..lanes.hop import StopIterationEscaped
from ..lanes.threads import Place
from ..upstream import adopt_context, bridge_state, restore_bridge_state, serving_loop
from .answer import STATUS_LINE, WSGI_HEADERS
from .background import background_loop
from .body import COLLECT_LIMIT
from .environ import CALLER, scope_from_environ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..lanes.threads import Call
    from ..types import ASGIApp, HTTPScope, Message


class CallerThread(Place):
    """The thread that called the WSGI entry, as a place for sync code. It works while :meth:`work_until` waits."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def post(self, call: Call) -> None:
        self._jobs.put(lambda: call()())

    def keep(self) -> None:
        """The caller's thread belongs to the request anyway."""

    def release(self) -> None:
        """And goes back to its caller by itself."""

    def wake(self) -> None:
        """Make :meth:`work_until` look at its condition. From any thread."""
        self._jobs.put(_nothing)

    def work_until(self, done: Callable[[], bool]) -> None:
        """Do jobs until ``done()``, asked after each of them."""
        while not done():
            self._jobs.get()()


def _nothing() -> None:
    pass


class WSGICall:
    """One call of the WSGI entry: the ASGI application's ``receive`` and ``send``, and the iterable for the caller."""

    def __init__(self, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        self.environ = environ
        self.thread = CallerThread()
        self._caller_id = threading.get_ident()
        self._start_response = start_response
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[None] | None = None
        self.context = contextvars.copy_context()
        self._finished = False
        self._failure: BaseException | None = None
        self._start: Message | None = None
        self._chunks: list[bytes] = []
        self._complete = False
        self._taken: asyncio.Event  # the caller has taken the last piece, or has left
        self._left: asyncio.Event

    # On the caller's thread.

    def run(self, app: ASGIApp) -> Iterable[bytes]:
        # Here and not on the loop: an environ that is none fails in front of its caller.
        scope = scope_from_environ(self.environ)
        scope["extensions"][CALLER] = self
        self._body = _BodySource(self.environ)
        loop = serving_loop()
        with background_loop() if loop is None else nullcontext(loop) as self._loop:
            return self._run_on_loop(app, scope)

    def _run_on_loop(self, app: ASGIApp, scope: HTTPScope) -> Iterable[bytes]:
        state = bridge_state()
        try:
            self._loop.call_soon_threadsafe(self._begin, app, scope, context=contextvars.copy_context())
            self.thread.work_until(lambda: self._finished or bool(self._start and self._chunks) or self._complete)
        except BaseException:
            # KeyboardInterrupt, say: the application goes on to its end on a thread of its own.
            self._leave_to_itself()
            raise
        finally:
            restore_bridge_state(state)
        if self._start is None:
            self._settle_without_answer()
        if self._start is None:
            raise RuntimeError("The ASGI application has ended without a response.")
        try:
            self._start_response(_status_line(self._start), _wsgi_headers(self._start))
        except BaseException:
            self.leave()
            raise
        if self._complete:
            self._settle()
            return [b"".join(self._chunks)]
        return _Pieces(self)

    def _settle(self) -> None:
        """Wait for the application to end, and let its exception through."""
        state = bridge_state()
        try:
            self.thread.work_until(lambda: self._finished)
        finally:
            restore_bridge_state(state)
            adopt_context(self.context)
        if self._failure is not None:
            raise self._failure

    def _settle_without_answer(self) -> None:
        try:
            self._settle()
        except StopIterationEscaped as error:
            # Code that has spoken on gunicorn's own socket (flask-sock) says so that there is no response to send.
            raise cast("StopIteration", error.__cause__) from None

    def next_piece(self) -> bytes:
        """The next piece of a streamed body, or ``b""`` at the end."""
        while True:
            if self._chunks:
                chunk = self._chunks.pop(0)
                self._loop.call_soon_threadsafe(self._taken.set)
                return chunk
            if self._complete or self._finished:
                self._settle()
                return b""
            state = bridge_state()
            try:
                self.thread.work_until(lambda: bool(self._chunks) or self._complete or self._finished)
            finally:
                restore_bridge_state(state)

    def leave(self) -> None:
        """The caller wants no more: what a closed connection is to a server."""
        if not self._finished:
            self._loop.call_soon_threadsafe(self._leave_on_loop)
            self._settle()

    def abandon(self) -> None:
        """The iterable was collected without being closed: what the end of a generator is under Flask."""
        if self._finished:
            return
        self._loop.call_soon_threadsafe(self._leave_on_loop)
        if threading.get_ident() == self._caller_id:
            self._settle()
        else:
            # A garbage collection on some other thread, which must not wait.
            self._leave_to_itself()

    def _leave_to_itself(self) -> None:
        """Nobody waits any more; the jobs still need somebody to do them."""
        self._loop.call_soon_threadsafe(self._leave_on_loop)
        threading.Thread(target=self.thread.work_until, args=(lambda: self._finished,), daemon=True).start()

    # On the loop.

    def _begin(self, app: ASGIApp, scope: HTTPScope) -> None:
        self._taken = asyncio.Event()
        self._left = asyncio.Event()
        self._task = self._loop.create_task(self._run(app, scope))

    async def _run(self, app: ASGIApp, scope: Any) -> None:
        try:
            await app(scope, self._receive, self._send)
        except BaseException as error:
            self._failure = error
        finally:
            self._finished = True
            self.thread.wake()

    def _leave_on_loop(self) -> None:
        # Scheduled after _begin, which made them.
        self._left.set()
        self._taken.set()

    async def _receive(self) -> Message:
        body = await self._body.read()
        if body is None:
            await self._left.wait()
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": not self._body.ended}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            more = message.get("more_body", False)
            if message.get("body"):
                self._chunks.append(message["body"])
                self._taken.clear()
            self._complete = not more
            self.thread.wake()
            if more and not self._left.is_set():
                await self._taken.wait()


class _BodySource:
    """``wsgi.input``, read on the caller's thread if it is small, else piece by piece on a thread of the loop's.

    Several tasks may ask for a piece at once, and be cancelled meanwhile: Starlette's responses listen for the client
    to leave while the body is being read. As with a server's own ``receive``, no piece is lost by that.
    """

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.ended = False
        self._reading: asyncio.Task[bytes] | None = None
        self._input = environ.get("wsgi.input")
        self._remaining = _content_length(environ)
        self._head: bytes | None = None
        if self._input is None or (self._remaining is None and not environ.get("wsgi.input_terminated")):
            self._remaining = 0
        if self._remaining is not None and self._remaining <= COLLECT_LIMIT:
            self._head = _peek(self._input, self._remaining) if self._remaining else b""

    async def read(self) -> bytes | None:
        """The next piece, or None after the last one."""
        if self._head is not None:
            head, self._head, self.ended = self._head, None, True
            return head
        while self._reading is not None or not self.ended:
            if self._reading is None:
                self._reading = asyncio.create_task(self._read_on_thread())
            # A thread cannot be interrupted: what it reads for a caller that is cancelled is for the next one.
            reading = self._reading
            chunk = await asyncio.shield(reading)
            if self._reading is reading:  # else another task was first
                self._reading = None
                return chunk
        return None

    async def _read_on_thread(self) -> bytes:
        size = 64 * 1024 if self._remaining is None else min(64 * 1024, self._remaining)
        chunk: bytes = await asyncio.to_thread(self._input.read, size)  # type: ignore[union-attr]
        if self._remaining is not None:
            self._remaining -= len(chunk)
        self.ended = not chunk or self._remaining == 0
        return chunk


def _peek(stream: Any, size: int) -> bytes:
    """Read ``size`` bytes, and go back if the stream can: a test client sends the body again after a redirect."""
    start = stream.tell() if isinstance(stream, io.BytesIO) else None
    data: bytes = stream.read(size)
    if start is not None:
        stream.seek(start)
    return data


def _content_length(environ: WSGIEnvironment) -> int | None:
    try:
        return max(0, int(environ["CONTENT_LENGTH"]))
    except (KeyError, ValueError):
        return None


class _Pieces:
    """The iterable of a streamed answer."""

    def __init__(self, call: WSGICall) -> None:
        self._call = call

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = self._call.next_piece()
        if not chunk:
            raise StopIteration
        return chunk

    def close(self) -> None:
        self._call.leave()

    def __del__(self) -> None:
        self._call.abandon()


def _status_line(start: Message) -> str:
    line = start.get(STATUS_LINE)
    if isinstance(line, str) and line.startswith(str(start["status"])):
        return line
    status = start["status"]
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} UNKNOWN"


def _wsgi_headers(start: Message) -> list[tuple[str, str]]:
    """Names as the view wrote them: those of ASGI are lower case, and middleware may have added some."""
    written = {name.lower(): name for name, _ in start.get(WSGI_HEADERS, ())}
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start.get("headers", ())]
    return [(written.get(name, name.title()), value) for name, value in headers]
