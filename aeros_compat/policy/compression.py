"""The settings of compression: those of flask-compress, and the objects that the constructor takes."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from flask_compress import Compress

from .algorithms import ALGORITHMS, Algorithm
from .fields import members, value_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..types import Headers

#: The level of gzip that Aeros had: on text it comes within a tenth of level 6, in a third of the time.
GZIP_LEVEL = 2

#: Text that flask-compress's list of media types does not have. Aeros had the first.
_MORE_TEXT = ["text/scss", "text/csv", "text/markdown"]

#: Statuses without content, and the one whose content is a part (RFC 9110 section 15).
_NEVER = frozenset({204, 205, 206, 304})

#: Headers of responses that are left alone: encoded already, a part, or with a digest of the bytes (RFC 9530).
_LEFT_ALONE = frozenset(
    {b"content-encoding", b"content-range", b"content-digest", b"repr-digest", b"digest", b"content-md5"}
)


class Compression:
    """Compression with every algorithm that the client takes, best first: zstd, br, gzip, deflate.

    What is given here goes into ``app.config`` under flask-compress's names, where it can be changed until the first
    request. What is not given is as documented there, but for ``COMPRESS_LEVEL``, which is 2.

    :param level: of gzip, from 1 (fast) to 9 (small).
    :param min_size: bytes from which a body is compressed.
    :param mimetypes: media types that are compressed.
    :param algorithms: names of algorithms, in the order in which they are preferred.
    :raises TypeError: for a value of a wrong type.
    :raises ValueError: for a value out of range, or the name of no algorithm.
    """

    def __init__(
        self,
        level: int | None = None,
        min_size: int | None = None,
        mimetypes: Collection[str] | None = None,
        *,
        algorithms: Collection[str] | None = None,
    ) -> None:
        given = {
            "COMPRESS_LEVEL": level,
            "COMPRESS_MIN_SIZE": min_size,
            "COMPRESS_MIMETYPES": mimetypes,
            "COMPRESS_ALGORITHM": algorithms,
            # Chosen by hand, an algorithm is meant for streams too.
            "COMPRESS_ALGORITHM_STREAMING": algorithms,
        }
        self.config = {name: value for name, value in given.items() if value is not None}
        Settings(self.config)

    @classmethod
    def of(cls, setting: object) -> Compression | None:
        """The setting ``compression`` of a WebServer."""
        if setting is None or setting is False:
            return None
        if setting is True:
            return Compression()
        if not isinstance(setting, Compression):
            raise TypeError(f"compression is Gzip(), Br(), Zstd(), Compression() or None for off, not {setting!r}.")
        return setting


class Gzip(Compression):
    """Compression with gzip alone. ``level`` goes from 1 (fast) to 9 (small)."""

    def __init__(
        self, level: int = GZIP_LEVEL, min_size: int | None = None, mimetypes: Collection[str] | None = None
    ) -> None:
        super().__init__(level, min_size, mimetypes, algorithms=["gzip"])


class Br(Compression):
    """Compression with Brotli alone. ``level`` goes from 0 (fast) to 11 (small, and very slow)."""

    def __init__(self, level: int = 4, min_size: int | None = None, mimetypes: Collection[str] | None = None) -> None:
        super().__init__(None, min_size, mimetypes, algorithms=["br"])
        self.config["COMPRESS_BR_LEVEL"] = level
        Settings(self.config)


class Zstd(Compression):
    """Compression with Zstandard alone. ``level`` goes from 1 (fast) to 22 (small, and very slow)."""

    def __init__(self, level: int = 3, min_size: int | None = None, mimetypes: Collection[str] | None = None) -> None:
        super().__init__(None, min_size, mimetypes, algorithms=["zstd"])
        self.config["COMPRESS_ZSTD_LEVEL"] = level
        Settings(self.config)


class Settings:
    """The settings of flask-compress in ``config``, checked and made ready. Raises TypeError or ValueError."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        config = defaults() | {name: value for name, value in config.items() if name.startswith("COMPRESS_")}
        self.min_size = config["COMPRESS_MIN_SIZE"]
        if not isinstance(self.min_size, int) or isinstance(self.min_size, bool) or self.min_size < 0:
            raise ValueError(f"COMPRESS_MIN_SIZE is a number of bytes, not {self.min_size!r}.")
        self.mimetypes = frozenset(name.lower().encode() for name in _names(config, "COMPRESS_MIMETYPES"))
        #: With COMPRESS_REGISTER off, flask-compress's decorator says what is compressed.
        self.is_on = bool(config["COMPRESS_REGISTER"] and self.mimetypes)
        #: Off, a client's tags of encoded responses mean nothing, as with flask-compress before it evaluated them.
        self.knows_tags = bool(config["COMPRESS_EVALUATE_CONDITIONAL_REQUEST"])
        self.names = _algorithms(config, "COMPRESS_ALGORITHM")
        self.streaming_names = _algorithms(config, "COMPRESS_ALGORITHM_STREAMING") if config["COMPRESS_STREAMS"] else ()
        self.algorithms: dict[str, Algorithm] = {
            name: ALGORITHMS[name](config) for name in {*self.names, *self.streaming_names}
        }

    def may_encode(self, status: int, headers: Headers) -> bool:
        """Whether a response is encoded for clients that take it. Pure: it looks at nothing else."""
        for name, value in headers:
            # First, because it settles the matter for most responses.
            if name == b"content-length" and length_of(value) < self.min_size:
                return False
        fields = {name.lower(): value for name, value in headers}
        if status < 200 or status in _NEVER or not _LEFT_ALONE.isdisjoint(fields):
            return False
        media_type = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media_type not in self.mimetypes:
            return False
        if b"cache-control" in fields and b"no-transform" in members(value_of(headers, b"cache-control")):
            return False
        # Somebody has negotiated already, and decided against it: flask-compress, or middleware of a mounted one.
        return b"vary" not in fields or b"accept-encoding" not in members(value_of(headers, b"vary"))


@cache
def defaults() -> dict[str, Any]:
    """flask-compress's defaults, asked from itself, with Aeros's where they differ."""
    config: dict[str, Any] = {}
    stand_in = SimpleNamespace(config=config, after_request=lambda function: function)
    Compress().init_app(cast("Any", stand_in))
    return config | {
        "COMPRESS_LEVEL": GZIP_LEVEL,
        "COMPRESS_MIMETYPES": [*config["COMPRESS_MIMETYPES"], *_MORE_TEXT],
    }


def length_of(value: bytes) -> int:
    """The number in a Content-Length, or a large one for what is none."""
    return int(value) if value.isdigit() and len(value) < 20 else 1 << 63


def _names(config: Mapping[str, Any], name: str) -> list[str]:
    """Names in a list, or in a string with commas, as flask-compress takes them."""
    values = config[name]
    listed = [value.strip() for value in values.split(",")] if isinstance(values, str) else values
    if not isinstance(listed, list | tuple | set | frozenset) or not all(isinstance(value, str) for value in listed):
        raise TypeError(f"{name} is a list of names, not {values!r}.")
    return list(listed)


def _algorithms(config: Mapping[str, Any], name: str) -> tuple[str, ...]:
    names = _names(config, name)
    for algorithm in names:
        if algorithm not in ALGORITHMS:
            raise ValueError(f"{name}: there is no algorithm {algorithm!r}. There are {', '.join(ALGORITHMS)}.")
    return tuple(names)
