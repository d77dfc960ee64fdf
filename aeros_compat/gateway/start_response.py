"""``start_response``: what a WSGI application calls with its status and headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .answer import Answer, AsyncBytes, next_chunk
from .complete import complete_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from flask.wrappers import Response

    from ..exchange import Exchange


class StartResponse:
    """``start_response`` of PEP 3333, and ``write``."""

    _answer: Answer | None = None
    _written: list[bytes]
    _left = False
    _iterable: Iterable[bytes] = ()

    def __call__(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None = None,
    ) -> Callable[[bytes], object]:
        if self._answer is not None and exc_info is None:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333).")
        if self._left and exc_info is not None and exc_info[1] is not None:
            # The first piece is on its way: an error page behind it would make a cut body look complete.
            raise exc_info[1].with_traceback(exc_info[2])
        if self._answer is None:
            self._written = []
        # Nothing has left yet when it is called again: the later response replaces the earlier one.
        self._answer = Answer(status, list(headers))
        return self._write

    def _write(self, data: bytes) -> None:
        if self._left:
            raise AssertionError("write() was called after the iterable had begun (PEP 3333).")
        self._written.append(data)

    def begin(self, response: Response, exchange: Exchange) -> Answer | None:
        """Call a response as the WSGI application that it is, inside the contexts of its request.

        Its body is taken by :meth:`answer_begun`, outside of them; what is complete already is returned here.
        """
        answer = complete_answer(response)
        if answer is None:
            self._iterable = response(exchange.environ, self)
        return answer

    @property
    def is_async(self) -> bool:
        """Whether the body that :meth:`begin` has been given is advanced on the loop."""
        return isinstance(self._iterable, AsyncBytes)

    def answer_begun(self) -> Answer:
        """:meth:`answer`, of what :meth:`begin` has called."""
        iterable, self._iterable = self._iterable, ()
        return self.answer(iterable)

    def answer(self, iterable: Iterable[bytes]) -> Answer:
        """The answer to the request, once the WSGI application has returned its iterable."""
        if self._answer is None:
            # Allowed up to the first piece (PEP 3333), and done so by generators.
            iterable = _advanced(iterable)
        answer = self._answer
        if answer is None:
            close = getattr(iterable, "close", None)
            if close is not None:
                close()
            raise AssertionError("The WSGI application has not called start_response.")
        answer.take(_Prefixed(self._written, iterable) if self._written else iterable)
        self._left = True
        return answer


class _Prefixed:
    def __init__(self, written: list[bytes], iterable: Iterable[bytes]) -> None:
        self._written = written
        self._iterable = iterable

    def __iter__(self) -> Iterator[bytes]:
        yield from self._written
        yield from self._iterable

    def close(self) -> None:
        close = getattr(self._iterable, "close", None)
        if close is not None:
            close()


def _advanced(iterable: Iterable[bytes]) -> Iterable[bytes]:
    chunks = iter(iterable)
    try:
        first = [next_chunk(chunks)]
    except BaseException:
        close = getattr(iterable, "close", None)
        if close is not None:
            close()
        raise
    rest = _Prefixed(first, chunks)
    if hasattr(iterable, "close"):
        rest.close = iterable.close  # type: ignore[method-assign]
    return rest
