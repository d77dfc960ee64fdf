"""The other side of the algorithms: what a client does with an encoded body."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

from aeros_compat.upstream import brotli, zstd

if TYPE_CHECKING:
    from collections.abc import Callable

ALGORITHMS = ("zstd", "br", "gzip", "deflate")

_DECODERS: dict[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "zstd": lambda data: bytes(zstd.decompress(data)),
    "br": lambda data: bytes(brotli.decompress(data)),
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


def decoded(data: bytes, algorithm: str | None) -> bytes:
    """A whole body."""
    return _DECODERS[algorithm](data)


def decoder(algorithm: str) -> Callable[[bytes], bytes]:
    """What gives the part of a body that a piece of the encoded one completes."""
    if algorithm == "zstd":
        return zstd.ZstdDecompressor().decompress  # type: ignore[no-any-return]
    if algorithm == "br":
        return brotli.Decompressor().process  # type: ignore[no-any-return]
    unpack: Any = zlib.decompressobj(zlib.MAX_WBITS + (16 if algorithm == "gzip" else 0))
    return unpack.decompress  # type: ignore[no-any-return]
