"""A real nginx with the configuration of ``deploy/``."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.serving import make_ssl_devcert

from ..servers import free_port, is_listening, stop, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"

#: What stands around the files of /etc/nginx/conf.d, with paths that anybody may use.
AROUND = """
daemon off;
pid {folder}/nginx.pid;
worker_processes 2;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/aeros.conf;
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, instances: list[int]) -> Iterator[str]:
    """nginx in front of instances on these two ports of this machine; gives its base URL, which has https."""
    binary = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    assert binary, "The tests need nginx: apt-get install nginx-light (scripts/test does so for root)."
    port = free_port()
    make_ssl_devcert(str(folder / "aeros"), host="localhost")
    (folder / "aeros.conf").write_text(_adapted(folder, port, instances))
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
    command = [binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "nginx.log")]
    if os.getuid() == 0:
        command += ["-g", "user root;"]  # its workers write to the folder of the test
    running = subprocess.Popen(command)
    try:
        wait_for(lambda: is_listening(port) or running.poll() is not None)
        assert running.poll() is None, (folder / "nginx.log").read_text()
        yield f"https://127.0.0.1:{port}"
    finally:
        stop(running)


def _adapted(folder: Path, port: int, instances: list[int]) -> str:
    """The file of ``deploy/`` with what its first lines tell the reader to change, and free ports."""
    text = CONFIGURATION.read_text()
    changes = {
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "127.0.0.1:8000 ": f"127.0.0.1:{instances[0]} ",
        "127.0.0.1:8001 ": f"127.0.0.1:{instances[1]} ",
        "/etc/ssl/": f"{folder}/",
    }
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text
