"""Files: whole, in part, or not again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from flask import Blueprint, request, send_file, send_from_directory

files = Blueprint("files", __name__, url_prefix="/files")
FOLDER = Path(__file__).parent / "static"


@files.route("/sent/<path:name>")
def sent(name: str) -> Any:
    return send_from_directory(
        FOLDER,
        name,
        as_attachment="attach" in request.args,
        conditional="plain" not in request.args,
        max_age=request.args.get("age", type=int),
    )


@files.route("/buffer")
def buffer() -> Any:
    return send_file(
        io.BytesIO(b"0123456789" * 30),
        mimetype="application/x-own",
        download_name=request.args.get("name"),
        as_attachment="attach" in request.args,
        etag=request.args.get("etag", False),
        last_modified=1_000_000_000,
    )


@files.route("/open")
def opened() -> Any:
    return send_file(open(FOLDER / "data.bin", "rb"), mimetype="application/octet-stream", etag="fixed")


@files.route("/missing")
def missing() -> Any:
    return send_file(FOLDER / "missing")


@files.route("/upload", methods=["POST"])
def upload() -> Any:
    file = request.files["file"]
    return send_file(io.BytesIO(file.read()), download_name=file.filename, mimetype=file.mimetype or "text/x-none")
