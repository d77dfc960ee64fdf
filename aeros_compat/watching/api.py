"""What watching adds to the WebServer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..upstream import has_begun_serving
from .connection import RecordedConnection
from .mounts import WatchedMount
from .pages import DEBUG_PATH, lane_pages
from .sharing import Sharing
from .stats import stats_of
from .watch import Watch
from .websockets import RecordedWebsocketConnection

if TYPE_CHECKING:
    from ..quart_side.core import Core
    from .stats import LaneStats


class WatchingAPI:
    """``app.lane_stats()``, and what switches the watch on."""

    core: Core
    #: What counts requests, if somebody watches.
    watch: Watch | None = None
    _watch_setting: bool | str | None = None
    #: How many want records of the requests: a watch, the access logs of servers.
    _recorders = 0

    def _use_watch(self, setting: bool | str | None) -> None:
        """Take the ``watch`` of the constructor. Raises TypeError or ValueError if it cannot be one."""
        self._watch_setting = setting
        if setting is not None and setting is not False:
            self.start_watching(None if setting is True else setting)

    def lane_stats(self, *, all_workers: bool = False) -> LaneStats:
        """What is going on in this process: lanes, requests and times by route, threads, blocks of the event loop.

        Lanes are known always; what has to be counted is zero unless the application was made with ``watch``.

        :param all_workers: add up the worker processes of this server (``workers=2`` and more): the others as they were
            a second ago. Without others it is this process.
        """
        server: Any = self
        sharing = self.watch.sharing if self.watch is not None else None
        return sharing.whole(server) if all_workers and sharing is not None else stats_of(server)

    def start_watching(self, path: str | None = None, *, local_only: bool = False) -> None:
        """Count from now on; with a ``path``, serve what is counted there. Call it before the first request.

        :param local_only: the page is not there for anybody on another machine.
        :raises TypeError: if the path is no string.
        :raises ValueError: if it can be no path of a page.
        """
        server: Any = self
        if path is not None:
            server.register_blueprint(lane_pages(path, local_only=local_only))
        if self.watch is None:
            object.__setattr__(self, "watch", Watch(server))  # nobody else may
            self.core.around_mount = WatchedMount
            self.record_requests()

    def share_figures(self, directory: str) -> None:
        """What a worker process does when it begins, with the directory that its supervisor has made."""
        server: Any = self
        if self.watch is not None:
            self.watch.sharing = Sharing(server, directory)

    def watch_locally(self) -> None:
        """What ``run()`` does in debug mode, or if it is asked to watch, unless the constructor has decided."""
        server: Any = self
        if self.watch is None and self._watch_setting is None:
            self.start_watching(None if has_begun_serving(server) else DEBUG_PATH, local_only=True)

    def record_requests(self) -> None:
        """Keep a record of each request while it is answered, for a watch or a log. Until then none is kept."""
        self._recorders += 1
        self.core.asgi_http_class = RecordedConnection
        self.core.asgi_websocket_class = RecordedWebsocketConnection

    def forget_requests(self) -> None:
        """The end of what one call of :meth:`record_requests` has begun."""
        self._recorders -= 1
        if not self._recorders:
            del self.core.asgi_http_class, self.core.asgi_websocket_class
