"""Request headers as they come."""

from __future__ import annotations

from .case import Case, visit

HEADERS = [
    ((b"X-Dup", b"one"), (b"X-Dup", b"two")),
    ((b"X-Dup", b"one"), (b"x-dup", b""), (b"X-DUP", b" three ")),
    ((b"X-Empty", b""),),
    ((b"X-Blank", b" \t padded \t "),),
    ((b"X-Tab", b"a\tb"),),
    ((b"X-Latin", b"gr\xf6\xdfe \xff"),),
    ((b"X-Utf-8", "größe ☃".encode()),),
    ((b"X_Under", b"1"),),
    ((b"X_Forwarded_For", b"1.2.3.4"), (b"X-Forwarded-For", b"5.6.7.8")),
    ((b"X-Forwarded-Proto", b"https"), (b"X-Forwarded-Host", b"evil.org"), (b"Forwarded", b"for=1;host=evil")),
    ((b"Content_Type", b"text/x"), (b"Content_Length", b"4")),
    ((b"Cookie", b"a=1"), (b"Cookie", b"b=2")),
    ((b"Cookie", b"a=1; b=2; a=3"),),
    ((b"Cookie", b""),),
    ((b"Cookie", b'; ;=x; a; b=; c="q \\"\\303\\274"; d=\xff; e==f'),),
    ((b"Cookie", b"a=1,b=2"), (b"Cookie", b" c=3 ; ")),
    ((b"Accept", b"text/html;q=0.5, application/json"), (b"Accept", b"*/*;q=0.1")),
    ((b"Accept-Language", b"de, en;q=x"), (b"Accept-Encoding", b"gzip;q=0, br"), (b"Accept-Charset", b"utf-8")),
    ((b"Authorization", b"Basic dXNlcjpww6Rzcw=="),),
    ((b"Authorization", b"Basic !!!"),),
    ((b"Authorization", b"Bearer abc.def="),),
    ((b"Authorization", b'Digest username="u", realm="r\xfc"'),),
    ((b"Authorization", b""),),
    ((b"User-Agent", b"\xff\x80"), (b"Referer", b"http://x/\xfc"), (b"Origin", b"null")),
    ((b"Content-Type", b"text/html; charset=latin-1"),),
    ((b"Content-Type", b""),),
    ((b"Content-Type", b"APPLICATION/JSON;Charset=UTF-8"),),
    ((b"Content-Length", b"0"),),
    ((b"Date", b"Sun, 06 Nov 1994 08:49:37 GMT"), (b"Max-Forwards", b"3"), (b"Max-Forwards", b"4")),
    ((b"If-Modified-Since", b"yesterday"), (b"If-None-Match", b'W/"a", "b"'), (b"If-Match", b"*")),
    ((b"Range", b"bytes=0-1,5-"), (b"If-Range", b'"x"'), (b"Cache-Control", b"no-cache, max-age=x")),
    ((b"Upgrade", b"websocket"), (b"Connection", b"keep-alive, Upgrade")),
    ((b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"")),
    ((b"Expect", b"100-continue"), (b"TE", b"trailers"), (b"Via", b"1.1 a"), (b"Via", b"1.1 b")),
    ((b"Proxy", b"http://evil"), (b"Script-Name", b"/evil"), (b"Path-Info", b"/evil"), (b"Remote-Addr", b"6.6.6.6")),
    ((b"Remote-User", b"root"), (b"Server-Name", b"evil"), (b"Https", b"on"), (b"X-Script-Name", b"/evil")),
    ((b"Access-Control-Request-Method", b"PUT"), (b"Access-Control-Request-Headers", b"x-a, x-b")),
    ((b"X-HTTP-Method-Override", b"DELETE"),),
    ((b"X!#$%&'*+.^`|~9", b"odd name"),),
    tuple((b"X-Many", str(number).encode()) for number in range(60)),
]

CASES: list[Case] = [
    *(visit("/echo/", *headers) for headers in HEADERS),
    *(visit("/state/cookies", *headers) for headers in HEADERS if headers[0][0] == b"Cookie"),
    visit("/echo/", *HEADERS[6], method="BREW"),
    visit("/branch", (b"Upgrade", b"websocket"), (b"Connection", b"Upgrade")),
    visit("/leaf", (b"Upgrade", b"websocket"), (b"Connection", b"Upgrade")),
    visit("/nothing", (b"Upgrade", b"websocket"), (b"Connection", b"Upgrade")),
]
