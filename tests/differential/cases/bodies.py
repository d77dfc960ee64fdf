"""Request bodies: forms, uploads, JSON, streams, limits, framings."""

from __future__ import annotations

from dataclasses import replace

from ..request import Request, get, post
from .case import Case

FORM = "application/x-www-form-urlencoded"
PARTS = 'multipart/form-data; boundary="edge"'
JSON = "application/json"


def part(disposition: bytes, data: bytes, *headers: bytes) -> bytes:
    """One part of a multipart body, written by hand."""
    lines = [b"--edge", b"Content-Disposition: form-data; " + disposition, *headers, b"", data, b""]
    return b"\r\n".join(lines)


END = b"--edge--\r\n"
MULTIPART = {
    "fields": part(b'name="a"', b"1") + part(b'name="a"', b"\xc3\xbc\xff") + part(b'name="b"', b"") + END,
    "file": part(b'name="file"; filename="n.txt"', b"data\r\n--edg", b"Content-Type: text/x-own; charset=u") + END,
    "file without type": part(b'name="file"; filename="n"', b"\x00\xff") + END,
    "file without name": part(b'name="file"; filename=""', b"x") + END,
    "file name of RFC 5987": part(b"name=\"file\"; filename*=UTF-8''gr%C3%B6%C3%9Fe", b"x") + END,
    "file name in UTF-8": part('name="file"; filename="größe ☃"'.encode(), b"x") + END,
    "file name with quotes": part(b'name="file"; filename="a\\"b\\\\c;d"', b"x") + END,
    "part headers": part(b'name="file"; filename="a"', b"x", b"X-Own: 1", b"x-own: 2", b"Content-Length: 99") + END,
    "without disposition": b"--edge\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END,
    "without name": part(b'filename="a"', b"x") + END,
    "transfer encoding": part(b'name="a"', b"YQ==", b"Content-Transfer-Encoding: base64") + END,
    "charset": part(b'name="a"', b"\xfc", b"Content-Type: text/plain; charset=latin-1") + END,
    "charset field": part(b'name="_charset_"', b"latin-1") + part(b'name="a"', b"\xfc") + END,
    "preamble and epilogue": b"before\r\n" + part(b'name="a"', b"1") + END + b"after",
    "line feeds": (part(b'name="a"', b"1") + END).replace(b"\r\n", b"\n"),
    "cut short": part(b'name="a"', b"1") + part(b'name="b"', b"2")[:40],
    "cut in a boundary": part(b'name="a"', b"1") + b"--ed",
    "without an end": part(b'name="a"', b"1"),
    "wrong boundary": part(b'name="a"', b"1").replace(b"edge", b"border"),
    "empty": b"",
    "only the end": END,
    "folded header": b'--edge\r\nContent-Disposition: form-data;\r\n name="a"\r\n\r\n1\r\n' + END,
    "broken header": b"--edge\r\nno colon here\r\n\r\n1\r\n" + END,
    "many parts": b"".join(part(b'name="a"', b"%d" % number) for number in range(5)) + END,
    "many too many parts": b"".join(part(b'name="a"', b"%d" % number) for number in range(1001)) + END,
    "large field": part(b'name="a"', b"x" * 300) + END,
    "too large field": part(b'name="a"', b"x" * 500_001) + END,
    "large file": part(b'name="f"; filename="f"', b"x" * 600_000) + END,
}
FORMS = [b"a=1&a=2&b", b"%FF=%C3%BC&+=%20", b"a=1;b=2", b"&&=&=x", b"a=%zz", b"\xff=\x00", b"", b"a=" + b"x" * 700]
DOCUMENTS = [b'{"a": [1, "\xc3\xbc"]}', b"nonsense", b"", b'"\xff"', b"null", b"NaN", b'\xef\xbb\xbf{"a": 1}']
DOCUMENTS += ['{"a": 1}'.encode("utf-16"), b"[" * 3000, b'{"a": 1, "a": 2}', b"1" * 5000]
TYPES = [JSON, "application/json; charset=latin-1", "application/x+json", "text/plain", "", "APPLICATION/JSON"]


def framed(request: Request) -> tuple[Request, ...]:
    """The same body with each framing, and in pieces of one byte where it is small; once where it is large."""
    if sum(map(len, request.body)) > 10_000:
        return (request,)
    pieces = tuple(bytes((byte,)) for byte in b"".join(request.body))
    small = [replace(request, body=pieces, framing="chunked")] if len(pieces) < 100 else []
    return (request, replace(request, framing="chunked"), replace(request, framing="stream"), *small)


DATA = b"first line\nsecond\r\n\nlast \xff without end"
LARGE = b"0123456789abcde\n" * 70_000
LONG = Request(b"/echo/large", "POST", (), tuple(LARGE[at : at + 65_536] for at in range(0, len(LARGE), 65_536)))

CASES: list[Case] = [
    *(
        Case(f"multipart {name} to {target}", framed(post(target, PARTS, body)), variants)
        for name, body in MULTIPART.items()
        for target, variants in [("/echo/form", ("default", "limited")), ("/files/upload", ("default", "debug"))]
    ),
    *(
        Case(f"multipart by {content_type}", (post("/echo/form", content_type, MULTIPART["fields"]),))
        for content_type in (
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=edge; boundary=x",
            "multipart/form-data; boundary=e\xfcdge".encode().decode(),
            "Multipart/Form-Data; Boundary=edge",
            "multipart/mixed; boundary=edge",
            "multipart/form-data; boundary=" + "x" * 300,
        )
    ),
    *(Case(f"form {body[:20]!r}", framed(post("/echo/form", FORM, body)), ("default", "limited")) for body in FORMS),
    Case("form in latin-1", (post("/echo/form", f"{FORM}; charset=latin-1", b"a=%FC"),)),
    Case("form of unknown type", (post("/echo/form", "text/plain", b"a=1"),)),
    Case("form by PUT", (post("/echo/head/x", FORM, b"a=1", method="PUT"),)),
    *(
        Case(f"JSON {body[:20]!r} {query}", tuple(post(f"/echo/json{query}", kind, body) for kind in TYPES), variants)
        for body in DOCUMENTS
        for query, variants in [
            ("", ("default", "custom", "debug", "trapping bad requests")),
            ("?force", ("default",)),
            ("?silent", ("default",)),
            ("?force&silent", ("default",)),
        ]
    ),
    *(
        Case(f"data {target}", framed(post(target, content_type, DATA)), ("default", "limited"))
        for target in ("/echo/data", "/echo/data?twice", "/echo/data?text", "/echo/stream", "/echo/stream?size=0")
        for content_type in ("text/plain", FORM)
    ),
    *(
        Case(f"data {target}", framed(post(target, "text/plain", DATA)))
        for target in ("/echo/stream?lines", "/echo/input", "/echo/unread", "/echo/stream?size=-1", "/methods", "/leaf")
    ),
    *(
        Case(
            f"limits {query} {size} {kind.partition(';')[0]}",
            framed(post(f"/echo/limited?{query}", kind, body)),
            ("default", "limited"),
        )
        for query in ("", "content=50", "memory=20", "parts=2", "content=1000&memory=1000&parts=9")
        for size in (10, 90, 601)
        for kind, body in [(FORM, b"a=" + b"x" * size), (PARTS, part(b'name="a"', b"x" * size) * 4 + END)]
    ),
    *(
        Case(f"too large for {target}", framed(post(target, "text/plain", b"x" * 601)), ("default", "limited"))
        for target in ("/echo/data", "/echo/stream", "/echo/json?force", "/echo/unread", "/nothing", "/leaf", "/branch")
    ),
    Case("a GET with a body", (replace(get("/echo/data"), body=(b"body",)),)),
    Case("a body without a type", (replace(get("/echo/data", method="POST"), body=(b"body",)),)),
    Case("an empty chunked body", (replace(get("/echo/data", method="POST"), framing="chunked"),)),
    Case("empty pieces", (replace(post("/echo/data", "text/plain"), body=(b"", b"a", b"", b"b", b"")),)),
    *(
        Case(f"large body, {framing}", (replace(LONG, framing=framing, target=target),))
        for framing in ("length", "chunked")
        for target in (b"/echo/large", b"/echo/unread", b"/leaf")
    ),
    *(
        Case(f"content length {value!r}", (get("/echo/head/x", (b"Content-Length", value), method="POST"),))
        for value in (b"-1", b"x", b"", b"+3", b"1_0", b"\xb2", b"0x1", b"1, 1", b"99999999999999999999")
    ),
]
