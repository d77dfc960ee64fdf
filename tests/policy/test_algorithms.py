"""Encoders: what goes in comes out again, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aeros_compat.policy.compression import Settings

from .decoding import ALGORITHMS, decoded, decoder

if TYPE_CHECKING:
    from aeros_compat.policy.algorithms import Encoder

TEXT = b"".join(b"line %d of a text that repeats itself\n" % number for number in range(2000))


def make(algorithm: str, **config: object) -> Encoder:
    return Settings(config).algorithms[algorithm].make()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_complete_body(algorithm: str) -> None:
    out = make(algorithm).encode(TEXT, last=True)
    assert decoded(out, algorithm) == TEXT
    assert len(out) < len(TEXT) / 4
    assert out == make(algorithm).encode(TEXT, last=True), "not the same bytes for the same body"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_piece_can_be_decoded_when_it_is_there(algorithm: str) -> None:
    encoder, decode = make(algorithm), decoder(algorithm)
    out = b""
    for piece in (b"one", b"two" * 1000, b"", b"three"):
        encoded = encoder.encode(piece, last=False)
        assert decode(encoded) == piece
        out += encoded
    out += encoder.encode(b"", last=True)
    assert decoded(out, algorithm) == b"one" + b"two" * 1000 + b"three"


@pytest.mark.parametrize(
    ("algorithm", "setting", "low", "high"),
    [
        ("gzip", "COMPRESS_LEVEL", 1, 9),
        ("deflate", "COMPRESS_DEFLATE_LEVEL", 1, 9),
        ("br", "COMPRESS_BR_LEVEL", 0, 9),
        ("zstd", "COMPRESS_ZSTD_LEVEL", 1, 22),
    ],
)
def test_levels(algorithm: str, setting: str, low: int, high: int) -> None:
    sizes = [len(make(algorithm, **{setting: level}).encode(TEXT, last=True)) for level in (low, high)]
    assert sizes[1] < sizes[0]


def test_zstd_windows_stay_within_what_browsers_take() -> None:
    """RFC 9659: a frame header's window descriptor of more than 8 MiB may be refused."""
    for level in (19, 22):
        encoder = make("zstd", COMPRESS_ZSTD_LEVEL=level)
        header = encoder.encode(b"x", last=False)
        assert header[:4] == b"\x28\xb5\x2f\xfd"
        single_segment = header[4] & 0x20
        exponent = header[5] >> 3
        assert not single_segment
        assert 10 + exponent <= 23


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMPRESS_LEVEL", 10),
        ("COMPRESS_LEVEL", "6"),
        ("COMPRESS_LEVEL", True),
        ("COMPRESS_DEFLATE_LEVEL", -2),
        ("COMPRESS_BR_LEVEL", 12),
        ("COMPRESS_BR_MODE", 3),
        ("COMPRESS_BR_WINDOW", 25),
        ("COMPRESS_BR_BLOCK", 25),
        ("COMPRESS_ZSTD_LEVEL", 23),
    ],
)
def test_values_out_of_range(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{name} is a whole number from .* to .*, not {value!r}"):
        Settings({name: value})
