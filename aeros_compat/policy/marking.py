"""Answers that get headers on their way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..gateway.whole import RelayedAnswer, send_answer
from .fields import headers_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..types import Headers, Message, Send


class MarkedAnswer(RelayedAnswer):
    """One answer.

    :param mark: makes of its headers those that are sent.
    """

    def __init__(self, mark: Callable[[Headers], Headers], send: Send) -> None:
        self._mark = mark
        self._send = send

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message = {**message, "headers": self._mark(headers_of(message))}
        return self._send(message)

    def send_answer(self, status: int, headers: Headers, body: bytes) -> bool:
        return send_answer(self._send, status, self._mark(headers), body)
