"""Paths that lead out of the folder from which files are served (CWE-22)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aeros_compat import WebServer
from aeros_compat.serving.protocol import HTTPProtocol

from ..servers import raw_exchange, served
from .target import SECRET, build, files_in

if TYPE_CHECKING:
    from pathlib import Path

    from ..conftest import Lane

FRONTS = ["/static", "/files", "/legacy/static"]
OUT = [
    "/../secret.txt",
    "/deep/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/%2E./secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/%252e%252e%252fsecret.txt",
    "/..%00/secret.txt",
    "/page.txt%00/../../secret.txt",
    "/..;/secret.txt",
    "/.%2e;x=y/secret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/%uff0e%uff0e/secret.txt",
    "/..%c0%afsecret.txt",
    "/....//secret.txt",
    "//{folder}/../secret.txt",
    "/%2f{folder}/../secret.txt",
    "/{folder}/../secret.txt",
    "-secret.txt",
    "/../served-secret.txt",
    "%2f..%2f..%2fsecret.txt",
    "/file:///{folder}/../secret.txt",
]


def test_files_outside_of_their_folder(lane: Lane, tmp_path: Path) -> None:
    served_folder = files_in(tmp_path)
    app = build(WebServer, lane, served_folder)
    wrong = []
    with served(app, http=HTTPProtocol) as url:

        def get(path: str) -> bytes:
            request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            return raw_exchange(url, request.encode())

        for front in FRONTS:
            assert get(f"{front}/deep/page.txt").endswith(b"deep")
            for out in OUT:
                answer = get(front + out.format(folder=served_folder))
                # What is mounted has a view for every path.
                is_refused = answer[9:12] in (b"400", b"404", b"308") or answer.endswith(b"secret.txt'")
                if SECRET.encode() in answer or not is_refused:
                    wrong.append((front, out, answer[:300]))
    assert wrong == []


def test_a_mount_is_not_reached_from_beside_it(lane: Lane, tmp_path: Path) -> None:
    """Dots are not resolved by anybody: the application that is asked is the one that a proxy has seen in the path."""
    app = build(WebServer, lane, files_in(tmp_path))
    with served(app, http=HTTPProtocol) as url:

        def get(path: str) -> bytes:
            return raw_exchange(url, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

        assert get("/legacy/any/x").endswith(b"'any/x'")
        assert get("/any/../legacy/x").endswith(b"'../legacy/x'")
        assert get("/legacy/../any/x").endswith(b"'../any/x'")
        assert get("/any/%2e%2e/legacy/x").endswith(b"'../legacy/x'")
        assert get("/legacy%2fany").endswith(b"'any'")  # as in any environ: PATH_INFO is decoded
        for path in ("/legacyx/any", "/legacy;/any", "/LEGACY/any", "/legacy%00/any", "//legacy/any"):
            assert get(path)[9:12] in (b"404", b"308"), path
