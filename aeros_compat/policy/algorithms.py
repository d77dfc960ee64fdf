"""The compression algorithms, each behind the same two questions: what comes out for this piece, is it the last.

One class serves complete bodies and streams. After each piece but the last everything that went in has come out, so
that a piece arrives when it is sent. What an encoder holds is freed with it: none needs to be closed.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Protocol

from ..upstream import brotli, zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Bytes that are compressed on the event loop; a larger piece is worth the hop to a thread. Measured on JSON with the
#: default levels: 32 KiB cost 0.04 ms (gzip, zstd) to 0.2 ms (deflate), the hop 0.1 ms.
INLINE_LIMIT = 32 * 1024

#: The largest window that a browser must take, 8 MiB (RFC 9659 section 3). Levels from 20 would use larger ones.
_ZSTD_WINDOW_LOG = 23


class Encoder(Protocol):
    def encode(self, data: bytes, *, last: bool) -> bytes:
        """The next part of the encoded body. With ``last`` it ends."""


class ZlibEncoder:
    """``gzip`` (RFC 1952), which has no time stamp here, and ``deflate``, which is the zlib format (RFC 1950)."""

    def __init__(self, level: int, window_bits: int) -> None:
        self._compressor = zlib.compressobj(level, zlib.DEFLATED, window_bits)

    def encode(self, data: bytes, *, last: bool) -> bytes:
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


class BrotliEncoder:
    """``br`` (RFC 7932)."""

    def __init__(self, **options: int) -> None:
        self._compressor = brotli.Compressor(**options)

    def encode(self, data: bytes, *, last: bool) -> bytes:
        compressor = self._compressor
        out: bytes = compressor.process(data) + (compressor.finish() if last else compressor.flush())
        return out


class ZstdEncoder:
    """``zstd`` (RFC 8878)."""

    def __init__(self, level: int) -> None:
        options = {zstd.CompressionParameter.compression_level: level}
        if level >= 20:
            options[zstd.CompressionParameter.window_log] = _ZSTD_WINDOW_LOG
        self._compressor = zstd.ZstdCompressor(options=options)

    def encode(self, data: bytes, *, last: bool) -> bytes:
        mode = self._compressor.FLUSH_FRAME if last else self._compressor.FLUSH_BLOCK
        out: bytes = self._compressor.compress(data, mode)
        return out


class Algorithm:
    """One algorithm with its settings: makes an encoder for each response."""

    def __init__(self, name: str, make: Callable[[], Encoder], *, is_slow: bool = False) -> None:
        self.name = name
        self.header = name.encode()
        self.make = make
        self.inline_limit = 0 if is_slow else INLINE_LIMIT


def _gzip(config: Mapping[str, Any]) -> Algorithm:
    level = _number(config, "COMPRESS_LEVEL", -1, 9)
    return Algorithm("gzip", lambda: ZlibEncoder(level, zlib.MAX_WBITS + 16))


def _deflate(config: Mapping[str, Any]) -> Algorithm:
    level = _number(config, "COMPRESS_DEFLATE_LEVEL", -1, 9)
    return Algorithm("deflate", lambda: ZlibEncoder(level, zlib.MAX_WBITS))


def _br(config: Mapping[str, Any]) -> Algorithm:
    quality = _number(config, "COMPRESS_BR_LEVEL", 0, 11)
    options = {
        "mode": _number(config, "COMPRESS_BR_MODE", 0, 2),
        "quality": quality,
        "lgwin": _number(config, "COMPRESS_BR_WINDOW", 10, 24),
        "lgblock": _number(config, "COMPRESS_BR_BLOCK", 0, 24),
    }
    BrotliEncoder(**options)  # brotli knows best which of them go together
    # Levels 10 and 11, meant for files that are compressed once, take 12 ms for 8 KiB.
    return Algorithm("br", lambda: BrotliEncoder(**options), is_slow=quality >= 10)


def _zstd(config: Mapping[str, Any]) -> Algorithm:
    level = _number(config, "COMPRESS_ZSTD_LEVEL", *zstd.CompressionParameter.compression_level.bounds())
    return Algorithm("zstd", lambda: ZstdEncoder(level), is_slow=level >= 16)


#: What makes an algorithm from the settings of flask-compress.
ALGORITHMS: dict[str, Callable[[Mapping[str, Any]], Algorithm]] = {
    "zstd": _zstd,
    "br": _br,
    "gzip": _gzip,
    "deflate": _deflate,
}


def _number(config: Mapping[str, Any], name: str, lowest: int, highest: int) -> int:
    value = config[name]
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise ValueError(f"{name} is a whole number from {lowest} to {highest}, not {value!r}.")
    return value
