"""Paths, queries, methods, redirects."""

from __future__ import annotations

from dataclasses import replace

from ..request import get, post
from .case import Case, visit

_TARGETS = """
/ // /// /leaf /leaf/ //leaf /leaf// /branch /branch/ /branch?a=b%20c&%C3%BC=%FF /branch?x=%zz /branch? /leaf? /./leaf
/../leaf /leaf/../leaf /%2e/leaf /le%61f /LEAF /leaf%2F /leaf;a=b /leaf%3Fa=b /leaf%00 /leaf%0A /leaf% /leaf%zz
/leaf%C3%BC /leaf%FF /leaf%ff%fe /l%C3%A9af /nothing /nothing/ /nothing%FF%C3%BC?x=%FF /loose /loose/ /loose-leaf
/loose-leaf/ /merged//slashes/x /merged/slashes/x /number/7 /number/007 /number/-7 /number/x
/number/99999999999999999999999999 /number/%37 /number/7%20 /number/%D9%A7 /number/702/fixed /number/002/fixed
/number/004/fixed /number/4/fixed /signed/-4 /signed/4 /signed/--4 /real/1.5 /real/-1.5 /real/1 /real/1.5e3 /path/a
/path/a/b/c /path/a//b /path//a /path/ /path/a/edit /path/edit /path/a%2Fb /path/a%252Fb /path/%2e%2e/a /path/a/../b
/path/%FF/x /path/%C3%BC%2F%20+ /path/a%00b /path/a?b/c /path/a%3Fb?c /path/;x=1/y /path/%E2%98%83
/uuid/12345678-1234-5678-1234-567812345678 /uuid/12345678-1234-5678-1234-56781234567X /uuid/12345678 /any/tea
/any/green%20tea /any/green+tea /any/water /text/ab /text/abc /text/%C3%BCb /text/abc/x /text/ab/x /text/abcdef/x
/colour/red /colour/navy /colour/pink /colour/RED /colour/red/a/b/ /colour/red/a/b /colour/pink/a /name/a /name/a%2Fb
/name/ /name/%20 /name/a%20b+c /name/%FF /name/%ED%A0%80 /name/%C3 /name/%F0%9F%98%80 /name/%22%3C%3E /name/a:b@c
/name/a,b=c!*'() /name/%7E~ /name/%25 /name/%2525 /name/.. /name/%2E%2E /%C3%BCn%C3%AF/gr%C3%B6%C3%9Fe /%fcn%ef/x
/a:b;c=d/x /a%3Ab%3Bc%3Dd/x /pages /pages/ /pages/1 /pages/2 /pages/1?x=y /alias/ /alias /moved /moved/x%20y
/moved/%C3%BC?a=b /urls /urls/missing /late/4 /nowhere /manual /redirect-request /redirect-request?to=http://x/%C3%BC
/redirect/301 /redirect/302?to=//other/a%20b /redirect/303?to=relative /redirect/307?to=%C3%BC%FF /redirect/308?to=?q
/redirect/302?to=a%0D%0Ab /redirect/299 /redirect/302?to=http://ex%C3%A4mple.org/ /static/site.css /static/nothing
/static/ /static /static/../hooks.py /static/%2e%2e/hooks.py /static/deep/file.html /static/deep
/static/gr%C3%B6%C3%9Fe%20%C3%BC.txt /de/outer/ /de/outer /d%C3%A9/outer/ /de/outer/inner/3 /de/outer/inner/0
/de/outer/inner/x /de/outer/inner/3?stop /de/outer/inner/item/4 /de/outer/inner/item/x /de/outer/inner/old
/de/outer/files/site.css /de/outer/files/missing /?intercept /?refuse /?break /leaf?after=raise /leaf?after=abort
/leaf?after=none /leaf?after=replace /nothing?intercept /nothing?break /nothing?after=raise /methods?after=replace
/number/x?after=abort /echo/?a=1&a=2&b&=c&&d=e=f;g /echo/?a=%FF%00%20+&%C3%BC=%E2%98%83 /echo/?%zz /echo/?a%3Db=c
/echo/?a?b?c=d /echo/?? /echo/?+=+ /echo/?%26=%3D /echo/?a=%ED%A0%80 /echo/head/a/b?c /echo/head//a
/echo/head/%FF%C3%BC%2F /echo/?&&&
"""
TARGETS = _TARGETS.split()

METHODS = ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get", "PROPFIND"]
RULES = ["/leaf", "/branch", "/methods", "/brew", "/own-options", "/manual", "/nothing", "/pages/1", "/late/4"]
RULES += ["/de/outer/inner/item/4", "/de/outer/inner/old", "/static/site.css", "/colour/red", "/colour/pink", "/moved"]
RULES += ["/answers/stream/generator", "/echo/head/x", "/number/x"]

#: Variants that change how requests are routed, or what comes of those that are not; two of them for each target.
OTHERS = ("custom", "named", "debug", "trapping", "propagating", "without sessions")

CASES: list[Case] = [
    *(visit(target, variants=("default", *OTHERS[number % 3 * 2 :][:2])) for number, target in enumerate(TARGETS)),
    *(visit(target, method=method) for target in RULES for method in METHODS),
    *(
        Case(f"{target} below {root}", (replace(get(target), root=root),), ("default", "custom"))
        for root in ("/app", "/app/deep")
        for target in (*TARGETS[::9], "/echo/", "/urls", "/branch", "/app/leaf", "/static/site.css", "/state/set/a/b")
    ),
    Case("redirect of a form", (post("/branch", "application/x-www-form-urlencoded", b"a=b"),), ("default", "debug")),
    Case(
        "redirect of a form to a view",
        (post("/alias", "application/x-www-form-urlencoded", b"a=b"),),
        ("default", "debug"),
    ),
    *(
        Case(
            f"host {host!r} {scheme}",
            tuple(replace(get(path), host=host, scheme=scheme) for path in ("/echo/", "/branch", "/urls", "/leaf")),
            ("default", "limited", "named"),
        )
        for scheme in ("http", "https")
        for host in (
            None,
            b"",
            b" localhost ",
            b"localhost",
            b"LOCALHOST:80",
            b"localhost:443",
            b"sub.example.org",
            b"sub.example.org:8000",
            b"example.org:8000",
            b"a.b.example.org:8000",
            b"evil.org",
            b"example.org@evil.org",
            b"example.org/evil",
            b"[::1]:8000",
            b"[::1",
            b"localhost:x",
            b"h\xf6st",
            b"xn--hst-sna.example.org",
            b"a b",
        )
    ),
]
