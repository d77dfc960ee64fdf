"""What an application takes on at most: sync requests that wait for a thread, and seconds for a request.

A queue without a bound is worse than a refusal: everybody in it waits longer than anybody is willing to, and the server
goes on answering clients that have left. So a request that would be one too many is answered at once, with 503 and
``Retry-After`` (RFC 9110 sections 15.6.4 and 10.2.3). Async views, health checks among them, wait in no queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from werkzeug.exceptions import GatewayTimeout, HTTPException, ServiceUnavailable

from ..gateway.complete import complete_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..exchange import Exchange, Thread
    from ..gateway.answer import Answer
    from ..webserver import WebServer

F = TypeVar("F", bound="Callable[..., Any]")

#: Requests that may wait for each worker thread. With views of 10 ms they are worked off within a second, with views of
#: 50 ms before clients leave: measured in benchmarks/results/waiting.md.
WAITING_PER_THREAD = 100

#: Seconds after which a client that has been turned away may ask again.
RETRY_AFTER = 1

#: Where a view keeps its own limit. Decorators that use ``functools.wraps`` hand it on.
_SECONDS = "request_timeout"


def request_timeout(seconds: float | None) -> Callable[[F], F]:
    """Limit the seconds that requests of a view may take, or lift the application's limit with None.

    When they are over the client gets 504 (Gateway Timeout). An async view is cancelled. A sync one cannot be: it goes
    on, its result is thrown away, and where it stands is logged. Streams that have begun are not cut off.

    :raises ValueError: if ``seconds`` is no positive number.
    """
    check_timeout(seconds)

    def limit(view: F) -> F:
        setattr(view, _SECONDS, seconds)
        return view

    return limit


def timeout_of(app: WebServer, exchange: Exchange) -> float | None:
    """The seconds for a request, or None. Callers of the WSGI entry wait for as long as they like."""
    if exchange.caller is not None:
        return None
    match = exchange.match
    view = app.view_functions.get(match.rule.endpoint) if match is not None and match.rule is not None else None
    seconds: float | None = getattr(view, _SECONDS, app.request_timeout)
    return seconds


def check_timeout(seconds: object) -> None:
    """Raises ValueError, with a sentence, for what is no limit."""
    if seconds is not None and (not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds <= 0):
        raise ValueError(f"request_timeout is a number of seconds over 0, or None for no limit, not {seconds!r}.")


def check_waiting(number: object) -> None:
    """Raises ValueError, with a sentence, for what is no limit."""
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
        raise ValueError(
            "waiting_per_thread is a number of requests, at least 1, that may wait for each worker thread, or None for"
            f" any number, not {number!r}."
        )


def is_overloaded(app: WebServer, exchange: Exchange) -> bool:
    """Whether a sync request would wait behind more than are allowed to. Callers of the WSGI entry bring a thread."""
    limit = app.waiting_per_thread
    return limit is not None and exchange.caller is None and app.threads.waiting >= limit * app.worker_threads


async def refuse(app: WebServer, exchange: Exchange) -> tuple[Answer, Thread]:
    """503, at once, for a request that nobody has begun."""
    error = ServiceUnavailable("Too many requests are waiting. Try again.", retry_after=RETRY_AFTER)
    return _answer(error), exchange.thread_for(app, own=False)


def took_too_long(app: WebServer, exchange: Exchange) -> tuple[Answer, Thread]:
    """504, for a request whose time is over."""
    return _answer(GatewayTimeout("The request took too long.")), exchange.thread_for(app, own=False)


def _answer(error: HTTPException) -> Answer:
    response = error.get_response()
    answer = complete_answer(response)
    assert answer is not None
    return answer
