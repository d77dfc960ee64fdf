"""``quart.request``: Quart's request object over the body, the limits and the form of Flask's."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol, cast

from quart.formparser import FormDataParser
from quart.wrappers import Request
from quart.wrappers.request import Body as QuartBody
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from ..gateway.body import FLASK
from ..upstream import cached_data_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from flask.wrappers import Request as FlaskRequest
    from quart.datastructures import FileStorage

    from ..context import RequestContext


#: The context of the request that both frameworks see, while it lasts.
ContextReference = Callable[[], "RequestContext | None"]


class Source(Protocol):
    """Where an :class:`AsyncBody` reads from: a ``gateway.body.Body``, or a :class:`FlaskInput`."""

    kept: bytes | None
    reader: str | None

    @property
    def collected(self) -> bytes | None: ...

    def read_from_view(self) -> Awaitable[bytes]: ...


class FlaskInput:
    """The body that Flask's request has, where WSGI middleware has put another ``wsgi.input`` in place of ours."""

    collected = None

    def __init__(self, request: FlaskRequest, to_thread: Callable[[Callable[[], bytes]], Callable[[], Any]]) -> None:
        self.kept: bytes | None = None
        self.reader: str | None = None
        self._request = request
        self._to_thread = to_thread
        self._ended = False

    async def read_from_view(self) -> bytes:
        ended, self._ended = self._ended, True
        return b"" if ended else cast("bytes", await self._to_thread(self._request.get_data)())


class AsyncBody(QuartBody):
    """``quart.request.body``: awaited, which keeps it, or iterated, which does not.

    Nothing of Quart's class is used but its name: that one holds the whole body, and looks at the limit only once.
    """

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        super().__init__(None, None)
        self._announced = expected_content_length or 0
        self._size = 0
        self._pieces: list[bytes] = []
        self._source: Source | None = None
        #: The greatest length that is allowed at the moment.
        self.limit: Callable[[], int | None] = lambda: max_content_length
        #: What Flask's request has kept of the same body.
        self.kept_by_flask: Callable[[], bytes | None] = lambda: None

    def feed_from(self, body: Source) -> None:
        """Take what was collected, or read on demand."""
        if body.collected is not None:
            self.set_result(body.collected)
        else:
            self._source = body

    # What Quart and its users call to fill it by hand.

    def append(self, data: bytes) -> None:
        if data:
            self._size += len(data)
            self._pieces.append(data)

    def set_complete(self) -> None:
        self._source = None

    def clear(self) -> None:
        self._pieces.clear()

    @property
    def is_unread_stream(self) -> bool:
        return self._source is not None and not self._size

    @property
    def is_read_by_flask(self) -> bool:
        return self._source is not None and self._source.reader == FLASK

    @property
    def unread(self) -> bytes:
        """What is there and has not been iterated over."""
        return b"".join(self._pieces)

    async def __anext__(self) -> bytes:
        piece = await self._next()
        if not piece:
            raise StopAsyncIteration
        return piece

    def __await__(self) -> Generator[Any, None, bytes]:
        return self._whole().__await__()

    async def _whole(self) -> bytes:
        source = self._source
        pieces = []
        while piece := await self._next():
            pieces.append(piece)
        whole = b"".join(pieces)
        self._pieces = [whole] if whole else []
        if source is not None and len(whole) == self._size:
            source.kept = whole
        return whole

    async def _next(self) -> bytes:
        self._check_size()
        if self._pieces:
            return self._pieces.pop(0)
        source = self._source
        if source is None:
            return b""
        if source.reader == FLASK and (kept := self.kept_by_flask()) is not None:
            self.set_result(kept)
            return await self._next()
        piece = await source.read_from_view()
        if not piece:
            self.set_complete()
        self._size += len(piece)
        self._check_size()
        return piece

    def _check_size(self) -> None:
        limit = self.limit()
        if limit is not None and max(self._announced, self._size) > limit:
            raise RequestEntityTooLarge()


def _shared_limit(name: str) -> Any:
    """A limit that both requests have: setting it on one sets it on the other."""
    own: property = getattr(Request, name)

    def get(request: SharedRequest) -> int | None:
        context = request.context()
        return cast("int | None", own.__get__(request)) if context is None else context.limit(name)

    def set_(request: SharedRequest, value: int | None) -> None:
        context = request.context()
        if context is None:
            own.__set__(request, value)
        else:
            setattr(context.request, name, value)

    return property(get, set_)


class FormParser(FormDataParser):
    """Parses with Flask's parser, so that both give the same form, the same limits and the same errors.

    A large form is parsed once, for both, on a thread, where writing its files to disk does not stop the loop. The
    files are then the same open files. A small one is parsed for each of them: who reads a file of one can still read
    that of the other.
    """

    context: ContextReference = staticmethod(lambda: None)
    opened: list[Any]

    async def parse(
        self, body: QuartBody, mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
        context = self.context()
        if context is None or not isinstance(body, AsyncBody):
            return await super().parse(body, mimetype, content_length, options)
        request, is_multipart = context.request, mimetype == "multipart/form-data"
        if body.is_unread_stream and (is_multipart or body.is_read_by_flask):
            form, files = await context.app.core.sync_to_async(lambda: (request.form, request.files))()
        else:
            stream = BytesIO(await body)
            _, form, files = request.make_form_data_parser().parse(stream, mimetype, content_length, options)
            self.opened.extend(files.values())
        if is_multipart:  # nothing of it is left for get_data(), as in Quart
            body.clear()
            body.set_complete()
        return form, (self.cls or MultiDict)([(key, self._file(file)) for key, file in files.items(multi=True)])

    def _file(self, file: Any) -> FileStorage:
        return self.file_storage_class(file.stream, file.filename, file.name, headers=file.headers)


class SharedRequest(Request):
    """``quart.request``, over the same body and with the same limits as ``flask.request``."""

    body: AsyncBody
    body_class = AsyncBody
    form_data_parser_class = FormParser
    context: ContextReference = staticmethod(lambda: None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._opened: list[Any] = []

    max_content_length = _shared_limit("max_content_length")
    max_form_memory_size = _shared_limit("max_form_memory_size")
    max_form_parts = _shared_limit("max_form_parts")

    def make_form_data_parser(self) -> FormDataParser:
        parser = super().make_form_data_parser()
        if isinstance(parser, FormParser):
            parser.context = self.context
            parser.opened = self._opened
        return parser

    def close_files(self) -> None:
        """Close the files that are not the ones of Flask's request, which closes those itself."""
        for file in self._opened:
            file.close()


def share(request: Request, context: ContextReference) -> None:
    """Make Quart's request one with the request of ``context``: its limits, its form, and what it has kept."""
    request.context = context  # type: ignore[attr-defined]
    body = request.body
    assert isinstance(body, AsyncBody)
    body.limit = _Limit(context, body.limit())
    body.kept_by_flask = lambda: _data_kept_by(context())


class _Limit:
    """The MAX_CONTENT_LENGTH of a request, also for a stream that outlives its context."""

    def __init__(self, context: ContextReference, last: int | None) -> None:
        self._context = context
        self._last = last

    def __call__(self) -> int | None:
        context = self._context()
        if context is not None:
            self._last = context.limit("max_content_length")
        return self._last


def _data_kept_by(context: RequestContext | None) -> bytes | None:
    return cached_data_of(context.request) if context is not None else None
