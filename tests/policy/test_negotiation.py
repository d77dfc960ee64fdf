"""Which encoding is chosen, and what becomes of entity tags."""

from __future__ import annotations

from typing import Any

import pytest
from flask_compress.flask_compress import _choose_algorithm
from hypothesis import given
from hypothesis import strategies as st

from aeros_compat.policy.negotiation import choose, encoded_tag, with_plain_tags

SERVER = ("zstd", "br", "gzip", "deflate")


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (b"", None),
        (b"gzip", "gzip"),
        (b"GZIP", "gzip"),
        (b"gzip, deflate, br, zstd", "zstd"),
        (b"gzip;q=1, br;q=0.9", "gzip"),
        (b"gzip;q=0.5, identity", None),
        (b"gzip, identity", "gzip"),
        (b"identity", None),
        (b"*", "zstd"),
        (b"compress, *;q=0.1", "zstd"),
        (b"unknown", None),
        (b"gzip;q=nonsense", None),
        (b"\xff;q=1, br", "br"),
        # Where flask-compress errs (RFC 9110 section 12.4.2: q=0 is "not acceptable"; blanks may stand around ";").
        (b"gzip;q=0", None),
        (b"gzip;q=0, *;q=0", None),
        (b"*, zstd;q=0, br;q=0", "gzip"),
        (b"br ; q=0.1, gzip ; q=0.9", "gzip"),
        (b"gzip;q=0.1, *", "zstd"),
    ],
)
def test_choose(header: bytes, chosen: str | None) -> None:
    assert choose(SERVER, header) == chosen


def test_no_algorithms() -> None:
    assert choose((), b"gzip") is None


_members = st.tuples(
    st.sampled_from([*SERVER, "identity", "compress"]), st.sampled_from(["", ";q=0.1", ";q=0.5", ";q=0.8", ";q=1"])
)


@given(st.lists(_members, unique_by=lambda member: member[0]), st.permutations(SERVER))
def test_as_flask_compress_where_that_is_right(accepted: list[tuple[str, str]], server: list[str]) -> None:
    header = ", ".join(name + quality for name, quality in accepted)
    assert choose(tuple(server), header.encode()) == _choose_algorithm(tuple(server), header)


@pytest.mark.parametrize(
    ("tag", "encoded"),
    [(b'"x"', b'"x:br"'), (b'W/"x"', b'W/"x"'), (b"x", b"x"), (b'""', b'":br"'), (b'"a:b"', b'"a:b:br"')],
)
def test_encoded_tag(tag: bytes, encoded: bytes) -> None:
    assert encoded_tag(tag, b"br") == encoded


@pytest.mark.parametrize(
    ("name", "value", "accept", "added"),
    [
        (b"if-none-match", b'"x:br"', b"br", b'"x:br", "x"'),
        (b"if-none-match", b'"x:br", W/"y", "z:gzip"', b"br, gzip", b'"x:br", W/"y", "z:gzip", "x", "z"'),
        (b"if-none-match", b'"a:b:zstd"', b"zstd", b'"a:b:zstd", "a:b"'),
        # The client has an encoding that it no longer takes: it needs the body.
        (b"if-none-match", b'"x:br"', b"gzip", b'"x:br"'),
        (b"if-none-match", b'"x:br"', b"", b'"x:br"'),
        (b"if-match", b'"x:br"', b"", b'"x:br", "x"'),
        # A part of an encoded body cannot be continued with one of the other.
        (b"if-range", b'"x:br"', b"br", b'"x:br"'),
        (b"if-none-match", b'"12:30"', b"br", b'"12:30"'),
        (b"if-none-match", b"*", b"br", b"*"),
    ],
)
def test_with_plain_tags(name: bytes, value: bytes, accept: bytes, added: bytes) -> None:
    headers: list[Any] = [(b"host", b"x"), (name, value)]
    assert with_plain_tags(headers, accept)[0] == [(b"host", b"x"), (name, added)]


def test_known_tags() -> None:
    headers = [(b"if-none-match", b'"x:br", "x:gzip", "y:gzip"')]
    assert with_plain_tags(headers, b"br, gzip")[1] == {b'"x"': b'"x:br"', b'"y"': b'"y:gzip"'}
