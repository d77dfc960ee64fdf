"""How much a server's memory grows while it takes and gives large bodies.

python -m tests.gateway.memory --size 1G
"""

from __future__ import annotations

import argparse
import socket
import time
from pathlib import Path
from typing import Any

import httpx

from ..servers import free_port, process

ROOT = Path(__file__).parents[2]
BLOCK = memoryview(b"x" * 262_144)
DOWNLOADS = ["/sync/down", "/async/down", "/mixed/down", "/sync/send", "/async/send"]
UPLOADS = ["/sync/up", "/async/up", "/sync/file", "/async/file"]
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n'
END = b"\r\n--b--\r\n"


def connect(url: str) -> socket.socket:
    host, port = httpx.URL(url).host, httpx.URL(url).port
    assert port is not None
    return socket.create_connection((host, port), timeout=60)


def download(url: str, path: str, size: int) -> int:
    """The number of bytes of the body, as it is: what compression costs is in tests/policy/test_compressor.py."""
    received = 0
    headers = {"Accept-Encoding": "identity"}
    with httpx.stream("GET", f"{url}{path}?size={size}", headers=headers, timeout=60) as response:
        for piece in response.iter_raw(262_144):
            received += len(piece)
    return received


def upload(url: str, path: str, size: int, *, chunked: bool) -> int:
    """What the server says the size was."""
    is_form = path.endswith("/file")
    before, after = (PART, END) if is_form else (b"", b"")
    headers = [
        "Host: x",
        "Connection: close",
        f"Content-Type: {'multipart/form-data; boundary=b' if is_form else 'a/b'}",
    ]
    headers.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {size + len(before) + len(after)}")
    with connect(url) as connection:

        def send(data: bytes | memoryview) -> None:
            if data:
                if chunked:
                    connection.sendall(b"%x\r\n" % len(data))
                connection.sendall(data)
                if chunked:
                    connection.sendall(b"\r\n")

        connection.sendall(f"POST {path} HTTP/1.1\r\n".encode() + "\r\n".join(headers).encode() + b"\r\n\r\n")
        send(before)
        for start in range(0, size, len(BLOCK)):
            send(BLOCK[: size - start])
        send(after)
        if chunked:
            connection.sendall(b"0\r\n\r\n")
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    return int(answer.rpartition(b"\r\n\r\n")[2])


def measure(size: int) -> dict[str, tuple[int, float]]:
    """For each kind of body, by how many bytes the peak of resident memory grew, and the seconds it took."""
    port = free_port()
    command = ("uvicorn", "tests.gateway.counting:app", "--port", str(port), "--log-level", "warning")
    found = {}
    with process(*command, port=port, cwd=ROOT) as url:

        def counts() -> Any:
            return httpx.get(f"{url}/counts", timeout=10).json()

        for path in (*UPLOADS, *DOWNLOADS):  # threads, imports and buffers that stay
            run(url, path, 3_000_000, chunked=False)
        before = counts()["peak"]
        for path in (*UPLOADS, *DOWNLOADS):
            for chunked in (False, True) if path in UPLOADS else (False,):
                begin = time.monotonic()
                assert run(url, path, size, chunked=chunked) == size
                seconds = time.monotonic() - begin
                found[path + (" chunked" if chunked else "")] = (counts()["peak"] - before, seconds)
    return found


def run(url: str, path: str, size: int, *, chunked: bool) -> int:
    return upload(url, path, size, chunked=chunked) if path in UPLOADS else download(url, path, size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="1G", help="bytes of each body, with K, M or G")
    text = parser.parse_args().size
    size = int(text.rstrip("KMG")) * 1024 ** " KMG".index(text[-1] if text[-1] in "KMG" else " ")
    for path, (growth, seconds) in measure(size).items():
        print(f"{path:25} {growth / 2**20:7.1f} MiB {seconds:6.1f} s")


if __name__ == "__main__":
    main()
