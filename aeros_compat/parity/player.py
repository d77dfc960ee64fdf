"""``python -m aeros_compat.parity.player order.json``: one process that loads an application and replays requests.

The server stands on the main thread and the application is imported there, as in a worker of gunicorn or uvicorn. What
depends on the thread that runs a view shows, because WebServer runs sync views on other threads.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from socket import create_server
from typing import TYPE_CHECKING, Any

import uvicorn
from werkzeug.serving import WSGIRequestHandler, make_server

from ..serving.loading import load
from ..serving.location import location_from
from ..serving.run import ending_in_a_sentence
from .client import Client
from .hooks import note_hooks
from .request import read_corpus, write_corpus
from .swap import Mode, swap
from .url_map import requests_for
from .watched import Watch, WatchedASGI, WatchedWSGI

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask


#: The suffix of the file, beside a corpus made from the URL map, with the rules for which no request could be made.
LEFT_OUT = ".left-out"


@dataclass(frozen=True)
class Order:
    """What one process does."""

    target: str | None
    mode: Mode
    #: The file with the requests; made from the URL map, and nothing replayed, if there are no outcomes to be written.
    corpus: str
    #: Where the outcomes go, one JSON object a line.
    outcomes: str | None = None
    #: The number of requests of the corpus that are done already.
    start: int = 0
    timeout: float = 10

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Order:
        return cls(**json.loads(path.read_text()))


def main() -> None:
    """Do what the order says."""
    order = Order.read(Path(sys.argv[1]))
    with ending_in_a_sentence():
        app = load(location_from(order.target, swap(order.mode)))  # type: ignore[arg-type]
    if order.outcomes is None:
        requests, left_out = requests_for(app)
        write_corpus(Path(order.corpus), requests)
        Path(order.corpus).with_suffix(LEFT_OUT).write_text("\n".join(left_out))
    else:
        Player(app, order, order.outcomes).play()
        # Threads that the application has started, and nobody ends, would keep this process.
        os._exit(0)


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *args: Any) -> None:
        """The requests are in the report."""


class Player:
    """A server on this thread, and its client on another."""

    def __init__(self, app: Flask, order: Order, outcomes: str) -> None:
        self._app: Any = app
        self._requests = read_corpus(Path(order.corpus))[order.start :]
        self._order = order
        self._outcomes = Path(outcomes)
        self._watch = Watch()

    def play(self) -> None:
        note_hooks(self._app, self._watch.notes)
        if self._order.mode == "flask":
            self._serve_flask()
        else:
            self._serve_webserver()

    def _serve_flask(self) -> None:
        server = make_server("127.0.0.1", 0, WatchedWSGI(self._app, self._watch), request_handler=_QuietHandler)
        client = self._start_client(server.server_port, server.shutdown)
        server.serve_forever()
        client.join()

    def _serve_webserver(self) -> None:
        listener = create_server(("127.0.0.1", 0))
        options: dict[str, Any] = {"interface": "asgi3", "log_level": "warning", "access_log": False}
        config = uvicorn.Config(
            WatchedASGI(self._app, self._watch), proxy_headers=False, reset_contextvars=True, log_config=None, **options
        )
        config.timeout_graceful_shutdown = 2
        server = uvicorn.Server(config)

        def stop() -> None:
            server.should_exit = True

        client = self._start_client(listener.getsockname()[1], stop)
        server.run(sockets=[listener])
        if not server.started:
            sys.exit("The application did not start: see above.")
        client.join()

    def _start_client(self, port: int, stop: Callable[[], None]) -> threading.Thread:
        client = Client(port, self._watch, self._order.timeout)
        thread = threading.Thread(target=self._replay, args=(client, stop), name="parity-client", daemon=True)
        thread.start()
        return thread

    def _replay(self, client: Client, stop: Callable[[], None]) -> None:
        try:
            with self._outcomes.open("a") as file:
                for request in self._requests:
                    outcome = client.ask(request)
                    file.write(json.dumps(outcome.to_json()) + "\n")
                    file.flush()
                    if not outcome.has_ended:
                        # The server is still at work on it, and the next request would wait. Another process goes on.
                        os._exit(0)
        finally:
            stop()


if __name__ == "__main__":
    main()
