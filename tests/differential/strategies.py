"""Requests nobody would think of: hypothesis puts them together from what is delicate in each part of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from hypothesis import strategies as st

from .application.answers import VALUES
from .cases.bodies import FORM, JSON, MULTIPART, PARTS, part
from .cases.files import CONDITIONS, RANGES
from .cases.headers import HEADERS
from .cases.routing import TARGETS
from .request import Header, Request

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

UNRESERVED = b"abcxyzABC0189-._~!$&'()*+,;=:@"
_OCTETS = b"%FF %00 %2F %2f %2e %25 %20 %0a %C3%BC %E2%98%83 %ED%A0%80 % %z"
OCTETS = _OCTETS.split()

plain = st.sampled_from([bytes((byte,)) for byte in UNRESERVED])
octet = st.one_of(plain, st.sampled_from(OCTETS), st.integers(0, 255).map(lambda byte: b"%%%02X" % byte))
segment = st.lists(octet, max_size=5).map(b"".join)
number = st.integers(-3, 1000).map(lambda value: str(value).encode())

#: Paths of the application with holes, so that most requests reach a view.
_PATHS = """
/ /leaf /branch/ /loose/ /merged//slashes/{} /number/{} /number/{}/fixed /signed/{} /path/{}/{} /path/{}/edit /text/{}
/colour/red/{}/ /colour/{} /name/{} /%C3%BCn%C3%AF/{} /pages/{} /moved/{} /methods /brew /own-options /urls /static/{}
/static/data.bin /files/sent/data.bin /files/buffer /files/open /files/sent/{} /{}/outer/ /{}/outer/inner/{}
/{}/outer/inner/item/{} /de/outer/inner/old /echo/ /echo/head/{}/{} /echo/data /echo/form /echo/json /echo/stream
/echo/input /answers/changed /answers/page /answers/conditional /answers/stream/context /answers/stream/generator
/answers/closing/stream /state/set/{}/{} /state/count /state/look /state/flash/{} /state/flashes /state/cookies
/errors/raise/{} /errors/abort/404 /errors/key /redirect/302 /{} /{}/{}
"""
PATHS = _PATHS.split()
PATHS += [f"/answers/value/{name}" for name in VALUES]


@st.composite
def paths(draw: st.DrawFn) -> bytes:
    """A path of the application with its holes filled, or changed a little."""
    path = draw(st.sampled_from(PATHS)).encode()
    while b"{}" in path:
        path = path.replace(b"{}", draw(st.one_of(segment, number)), 1)
    change = draw(st.sampled_from(["", "", "", "slash", "no slash", "double", "dot", "encoded", "cut"]))
    at = draw(st.integers(0, len(path)))
    return {
        "": path,
        "slash": path + b"/",
        "no slash": path.rstrip(b"/") or b"/",
        "double": path.replace(b"/", b"//", 1),
        "dot": path + b"/.",
        "encoded": path[:at]
        + b"".join(b"%%%02x" % byte for byte in path[at : at + 1] if byte not in b"/%")
        + path[at + 1 :],
        "cut": path[: max(1, at)],
    }[change]


_KEYS = b"""a b intercept refuse break after=raise after=replace force silent fail=1 attach plain ranges weak status=404
= %zz & to=/leaf teardown size=3"""
KEYS = _KEYS.split()
query = st.lists(st.one_of(st.sampled_from(KEYS), st.tuples(segment, segment).map(b"=".join), segment), max_size=3).map(
    b"&".join
)
targets = st.one_of(
    st.sampled_from(TARGETS).map(lambda target: target.encode()),
    st.builds(lambda path, query: path + (b"?" + query if query is not None else b""), paths(), st.none() | query),
)

#: What a field value may consist of (RFC 9110 section 5.5), blanks at its end included.
text = st.lists(st.sampled_from([bytes((byte,)) for byte in (9, *range(32, 127), *range(128, 256))]), max_size=12).map(
    b"".join
)
_NAMES = b"""X-Dup x-dup X-Empty X_Dup Cookie Accept Authorization Content-Type Range If-Range If-None-Match If-Match
If-Modified-Since User-Agent Referer Origin X-Forwarded-For X-Forwarded-Host Cache-Control Accept-Language Date"""
name = st.sampled_from(_NAMES.split())
ranges = st.one_of(
    st.sampled_from(RANGES),
    st.tuples(st.integers(-1, 400), st.integers(-1, 400)).map(lambda pair: b"bytes=%d-%d" % pair),
    st.integers(0, 20000).map(lambda first: b"bytes=%d-" % first),
).map(lambda value: ((b"Range", value),))
groups = st.one_of(
    st.sampled_from(HEADERS).filter(lambda group: len(group) < 10),
    st.sampled_from(CONDITIONS),
    ranges,
    st.tuples(st.tuples(name, text)),
)


def _valid(headers: tuple[Header, ...]) -> bool:
    """Whether a careful server lets the headers pass: one media type, one length."""
    names = [name.lower() for name, _ in headers]
    return names.count(b"content-type") < 2 and b"content-length" not in names


headers: SearchStrategy[tuple[Header, ...]] = (
    st.lists(groups, max_size=3).map(lambda found: sum(found, ())).filter(_valid)
)

fields = st.builds(
    lambda name, filename, data, extra: part(
        b'name="%s"' % name + (b"" if filename is None else b'; filename="%s"' % filename), data, *extra
    ),
    segment,
    st.none() | text,
    st.binary(max_size=30),
    st.lists(
        st.sampled_from([b"Content-Type: text/x", b"X: \xff", b"Content-Transfer-Encoding: base64", b"broken"]),
        max_size=2,
    ),
)
documents = st.recursive(
    st.sampled_from([b"1", b"null", b'"\xc3\xbc"', b'"\\ud800"', b"1e999", b"x", b"[", b'"\xff"']),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: b"[" + b",".join(items) + b"]"),
        inner.map(lambda item: b'{"a": ' + item + b"}"),
    ),
    max_leaves=4,
)
BOUNDARIES = [b"--edge--\r\n", b"--edge--", b"--edge", b"", b"--edge\r\n"]


@st.composite
def multipart(draw: st.DrawFn) -> bytes:
    """Multipart bodies made by hand: whole, cut, or with a byte changed."""
    whole = draw(
        st.one_of(
            st.sampled_from([body for body in MULTIPART.values() if len(body) < 2000]),
            st.builds(
                lambda parts, end: b"".join(parts) + end, st.lists(fields, max_size=4), st.sampled_from(BOUNDARIES)
            ),
        )
    )
    at = draw(st.integers(0, len(whole)))
    damage = draw(st.sampled_from([None, None, b"\r\n", b"\xff", b"--edge", b""]))
    return whole if damage is None else whole[:at] + damage + whole[at + 1 :]


#: Content type and body, most of them fitting.
bodies = st.one_of(
    st.tuples(st.just(PARTS.encode()), multipart()),
    st.tuples(st.just(FORM.encode()), query),
    st.tuples(st.just(JSON.encode()), documents),
    st.tuples(
        st.sampled_from([b"text/plain", FORM.encode(), PARTS.encode(), JSON.encode(), b""]), st.binary(max_size=60)
    ),
)
bodies = cast("SearchStrategy[tuple[bytes, bytes]]", bodies)
METHODS = ["GET", "GET", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW", "POST"]


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request with any target and headers; half of them have a body."""
    target, sent = draw(targets), draw(headers)
    host = draw(st.sampled_from([b"localhost:8000"] * 4 + [b"example.org", b"LOCALHOST", b"a b", b"", None]))
    if not draw(st.booleans()):
        return Request(target, draw(st.sampled_from(METHODS)), sent, host=host)
    if draw(st.booleans()):
        target = draw(st.sampled_from([b"/echo/form", b"/echo/data", b"/echo/json", b"/echo/stream", b"/files/upload"]))
    content_type, body = draw(bodies)
    if all(name.lower() != b"content-type" for name, _ in sent):
        sent = (*sent, (b"Content-Type", content_type))
    cut = draw(st.integers(0, len(body)))
    framing: Any = draw(st.sampled_from(["length", "chunked", "stream"]))
    return Request(
        target, draw(st.sampled_from(["POST", "POST", "PUT"])), sent, (body[:cut], body[cut:]), framing, host
    )


_STEPS = b"set/a/1 set/b/%C3%BC count look untouched change-inside keep clear fail flash/x flashes cookies"
step = st.builds(
    lambda step, end: Request(b"/state/" + step + end),
    st.sampled_from(_STEPS.split()),
    st.just(b"") | st.sampled_from([b"?break", b"?after=raise", b"?intercept", b"?tell"]),
)
visits = st.lists(step, min_size=2, max_size=5)
