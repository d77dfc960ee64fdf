"""Input that nobody sends by mistake: at the level of ASGI, where other servers let more pass than uvicorn does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_PIECES = rb"""/ // . .. ... %2e%2e %2E. ..%2f %2f %5c \ %00 %ff %C3%BC %ED%A0%80 %25 % %z ; ? # : @ a http: deep
page.txt body form document query cookies parsed address stream any static files legacy secret.txt served-secret.txt"""
PIECES = [*_PIECES.split(), b" ", b"\xff", b"\0", b"\r\n", b"\t"]
piece = st.one_of(st.sampled_from(PIECES), st.binary(max_size=3))
_FRONTS = b"""/body /form /document /query /cookies /parsed /address /stream /any/ /static/ /files/ /legacy/ /legacy /
//body /legacy/static/ /legacy/../body"""
raw_paths = st.builds(
    lambda front, rest: front + b"".join(rest),
    st.sampled_from(_FRONTS.split()),
    st.lists(piece, max_size=6) | st.just([]),
)

_NAMES = b"""host cookie content-type content-length content_length content-encoding transfer-encoding te trailer
range if-range if-none-match if-match if-modified-since authorization accept accept-encoding accept-language date
cache-control origin access-control-request-method access-control-request-headers x-forwarded-for x-forwarded-host
x_forwarded_for forwarded expect upgrade connection sec-websocket-key x-http-method-override user-agent referer"""
names = st.one_of(st.sampled_from(_NAMES.split()), st.binary(max_size=4).map(bytes.lower))
_VALUES = rb"""*|*/*;q=9|q=0;gzip|gzip;q=nan|br;q=1e99|identity;q=0|bytes=0-|bytes=-5|bytes=5-1|bytes=0-0,-1|bytes=a-b
|bytes=999999999999999999999-|items=0-5|W/"x"|"x"|"x|chunked|xchunked|gzip,chunked|-1|0|1e3|+5|5,5
|99999999999999999999999|a..b|[::1|[::1]:80|:80|x:999999|x:y|xn--a|.x.|user@x|x/y|Basic|Basic !!|Basic OnBh|Bearer
|Digest x="y|session=x|;;=|a=b;a=c|a="b\"; $Version=1|null|https://|https://x.test|https://x.test.evil|application/json
|application/x-www-form-urlencoded|multipart/form-data|multipart/form-data;boundary=b|multipart/form-data;boundary=
|text/html;charset=x|text/plain;charset=utf-7|;=|websocket|100-continue|max-age=x|max-age=99999999999999999999
|Sun, 06 Nov 1994 08:49:37 GMT|0001|for=1.2.3.4|PUT|en-;q=z"""
values = st.one_of(st.sampled_from([value.strip() for value in _VALUES.split(b"|")]), st.binary(max_size=12))
headers = st.lists(st.tuples(names, values), max_size=6)

_PARTS = [
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n',
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="../../x\\y"\r\nContent-Type: a/b; c\r\n\r\n\0\xff\r\n',
    b"--b\r\nContent-Disposition: form-data; filename*=utf-9'x'%ff; name\r\n\r\n1\r\n",
    b"--b\r\nContent-Disposition:\r\n\r\n\r\n",
    b"--b\r\nX: \xff\r\n folded\r\nbroken\r\n\r\n--b",
    b"--b--\r\n",
    b"--b--",
    b"\r\n--b",
    b"--b\r\n" + b"X: y\r\n" * 50,
]
_DOCUMENTS = [
    b"{",
    b"[" * 2000,
    b'"\xff"',
    b'"\\ud800"',
    b"1e999",
    b"NaN",
    b"9" * 5000,
    b'{"a":1,"a":2}',
    b"\xef\xbb\xbf{}",
]
_FORMS = [b"a=b&" * 200, b"%", b"a=%ff", b"=&=&", b"a=" + b"x" * 5000, b"&;" * 50]
bodies = st.one_of(
    st.lists(st.sampled_from(_PARTS), max_size=5).map(b"".join),
    st.sampled_from(_DOCUMENTS),
    st.sampled_from(_FORMS),
    st.binary(max_size=40),
)


@dataclass(frozen=True)
class Attack:
    """The scope of a request, and the messages that bring its body."""

    scope: dict[str, Any]
    messages: tuple[dict[str, Any], ...]


@st.composite
def attacks(draw: st.DrawFn) -> Attack:
    """A request that an ASGI server could hand over. Its path is text, as the specification has it; little else is."""
    raw_path = draw(raw_paths)
    path = draw(st.sampled_from(["decoded", "decoded", "decoded", "other"]))
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": draw(st.sampled_from(["1.1", "1.1", "1.0", "2", "3"])),
        "method": draw(
            st.sampled_from(["GET", "GET", "POST", "POST", "PUT", "HEAD", "OPTIONS", "TRACE", "BREW", "get", ""])
        ),
        "scheme": draw(st.sampled_from(["http", "http", "https"])),
        "path": _unquoted(raw_path) if path == "decoded" else draw(st.sampled_from(["/body", "", "/\udcff/x", "*"])),
        "raw_path": raw_path,
        "query_string": draw(st.lists(piece, max_size=4).map(b"".join)),
        "root_path": draw(st.sampled_from(["", "", "", "/legacy", "/ü", "/a/"])),
        "headers": draw(headers),
        "server": draw(st.sampled_from([("127.0.0.1", 8000), ("/run/x.sock", None), None])),
        "client": draw(st.sampled_from([("127.0.0.9", 5), None])),
    }
    for name in draw(st.sets(st.sampled_from(["raw_path", "root_path", "server", "client", "scheme"]), max_size=1)):
        del scope[name]  # the specification lets servers leave them out
    return Attack(scope, tuple(draw(_messages(draw(bodies)))))


def _unquoted(path: bytes) -> str:
    return unquote_to_bytes(path).decode("utf-8", "replace")


def _messages(body: bytes) -> SearchStrategy[list[dict[str, Any]]]:
    """The body in one message or several, some of them empty or short; or a client that leaves in the middle."""
    half = len(body) // 2
    last: dict[str, Any] = {"type": "http.request", "body": body[half:]}
    first = {"type": "http.request", "body": body[:half], "more_body": True}
    gone = {"type": "http.disconnect"}
    whole = {"type": "http.request", "body": body, "more_body": False}
    empty: dict[str, Any] = {"type": "http.request", "more_body": True}
    return st.sampled_from(
        [[whole], [whole], [first, last], [first, empty, last], [empty, whole], [first, gone], [gone]]
    )
