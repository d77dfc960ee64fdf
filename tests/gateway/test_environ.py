"""Scope to environ and back."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import create_environ

from aeros_compat.gateway.environ import environ_from_scope, path_info, rooted, scope_from_environ, script_name


def scope_of(**changes: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"example")],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.2", 4000),
        **changes,
    }


def test_required_keys_of_pep_3333() -> None:
    environ = environ_from_scope(scope_of(query_string=b"a=%ff", headers=[(b"content-type", b"text/x")]))
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["QUERY_STRING"] == "a=%ff"
    assert environ["CONTENT_TYPE"] == "text/x"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", "80")
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("127.0.0.2", "4000")
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["wsgi.input_terminated"] is True


@pytest.mark.parametrize(
    ("path", "raw_path", "root_path", "expected"),
    [
        ("/a b", b"/a%20b", "", "/a b"),
        ("/\ufffd", b"/%ff", "", "/\xff"),
        ("/é", b"/%C3%A9", "", "/\xc3\xa9"),
        ("/é", None, "", "/\xc3\xa9"),
        ("/a/b", b"/a%2Fb", "", "/a/b"),
        ("/base/page", b"/base/page", "/base", "/page"),  # the server left the root in
        ("/page", b"/page", "/base", "/page"),  # the proxy took it off
        ("/based", b"/based", "/base", "/based"),  # not below it
        ("/base", b"/base", "/base", ""),
        ("/page", b"/page?x", "", "/page"),
        ("/inner", b"/outer/inner", "", "/inner"),  # middleware took something off the path alone
    ],
)
def test_path_info(path: str, raw_path: bytes | None, root_path: str, expected: str) -> None:
    assert path_info(scope_of(path=path, raw_path=raw_path, root_path=root_path)) == expected


@pytest.mark.parametrize(
    ("headers", "key", "value"),
    [
        ([(b"x-a", b"1"), (b"x-a", b"2")], "HTTP_X_A", "1,2"),
        ([(b"cookie", b"a=1"), (b"cookie", b"b=2")], "HTTP_COOKIE", "a=1; b=2"),
        ([(b"x-a", b" padded \t")], "HTTP_X_A", "padded"),
        ([(b"x-a", b"caf\xe9")], "HTTP_X_A", "caf\xe9"),
        ([(b"x_forwarded_for", b"1.2.3.4")], "HTTP_X_FORWARDED_FOR", None),
        ([(b"x_forwarded_for", b"1.2.3.4"), (b"x-forwarded-for", b"5")], "HTTP_X_FORWARDED_FOR", "5"),
    ],
)
def test_headers(headers: list[tuple[bytes, bytes]], key: str, value: str | None) -> None:
    assert environ_from_scope(scope_of(headers=headers)).get(key) == value


def test_unix_socket_and_unknown_client() -> None:
    environ = environ_from_scope(scope_of(server=("/run/app.sock", None), client=None))
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")
    assert "REMOTE_ADDR" not in environ


paths = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20).map(lambda text: "/" + text)
names = st.from_regex(r"x-[a-z]{1,8}", fullmatch=True)
values = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=20).map(lambda t: t.strip(" \t"))


@given(path=paths, query=st.binary(max_size=20), headers=st.dictionaries(names, values, max_size=5))
def test_there_and_back(path: str, query: bytes, headers: dict[str, str]) -> None:
    """An environ survives the way through a scope: what the WSGI entry relies on."""
    environ = create_environ("/", headers=headers)
    environ["PATH_INFO"] = path.encode().decode("latin-1")
    environ["QUERY_STRING"] = query.decode("latin-1")
    back = environ_from_scope(scope_from_environ(environ))
    for key in ("PATH_INFO", "QUERY_STRING", "SCRIPT_NAME", "REQUEST_METHOD", "HTTP_HOST", "wsgi.url_scheme"):
        assert back[key] == environ[key], key
    for name, value in headers.items():
        assert back["HTTP_" + name.upper().replace("-", "_")] == value


roots = st.lists(st.text("abé%? ", min_size=1, max_size=4), max_size=3).map(
    lambda parts: "".join("/" + p for p in parts)
)
below = st.one_of(st.just(""), st.binary(max_size=12).map(lambda data: "/" + data.decode("latin-1")))


def encoded(path: bytes) -> bytes:
    """What a client writes for the bytes of a path."""
    return b"".join(b"%%%02X" % byte if byte in b"%?#" or not 32 < byte < 127 else b"%c" % byte for byte in path)


@given(root=roots, path=below, outer=roots)
def test_application_below_a_root_path(root: str, path: str, outer: str) -> None:
    """What is handed to a mounted application says where it is, and keeps every byte, however deep the mount."""
    whole = outer.encode() + path.encode("latin-1")
    scope = scope_of(path=whole.decode("utf-8", "replace"), raw_path=encoded(whole), root_path=outer)
    inner = rooted(scope, outer + root, path)
    assert script_name(inner) == (outer + root).encode().decode("latin-1")
    assert path_info(inner) == path
    environ = environ_from_scope(inner)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name(inner), path)
    # Both forms of the path begin with the root path, and say the same.
    assert inner["path"].startswith(inner["root_path"])
    assert unquote_to_bytes(inner["raw_path"]).decode("utf-8", "replace") == inner["path"]


@given(root=roots.filter(bool), path=below.filter(bool))
def test_proxies_that_strip_the_root_path_and_those_that_do_not(root: str, path: str) -> None:
    data = path.encode("latin-1")
    stripped = scope_of(path=data.decode("utf-8", "replace"), raw_path=encoded(data), root_path=root)
    kept = rooted(stripped, root, path)
    left_in = root.encode() + data
    assert kept["path"] == left_in.decode("utf-8", "replace")
    assert path_info(kept) == path
    # A path that begins with the root path by chance cannot be told from one that was left in, and is none below it.
    if not path.startswith((root.encode().decode("latin-1") + "/", root.encode().decode("latin-1"))):
        assert path_info(stripped) == path


@pytest.mark.parametrize(
    ("raw_path", "root", "path", "expected"),
    [
        (b"/a%2Fb/c", "/root", "/a/b/c", b"/root/a%2Fb/c"),  # as the client wrote it
        (b"/root/a%2Fb", "/root", "/a/b", b"/root/a%2Fb"),
        (b"/%FF", "/gr\xf6\xdfe", "/\xff", b"/gr%C3%B6%C3%9Fe/%FF"),
        (b"/something/else", "/root", "/a b", b"/root/a%20b"),  # middleware has changed the path
        (None, "/root", "/a", b"/root/a"),
    ],
)
def test_raw_path_below_a_root_path(raw_path: bytes | None, root: str, path: str, expected: bytes) -> None:
    exact = unquote_to_bytes(raw_path) if raw_path and b"else" not in raw_path else b"/changed"
    scope = scope_of(path=exact.decode("utf-8", "replace"), raw_path=raw_path)
    assert rooted(scope, root, path)["raw_path"] == expected
