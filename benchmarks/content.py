"""What is asked and answered in the workloads: the same bytes by every application."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "benchmarks" / "templates"
#: What a run makes for itself; nothing of it is committed.
SCRATCH = ROOT / "var" / "benchmarks"
STATIC = SCRATCH / "static"

TEXT = "Hello"
#: With its keys in order, as Flask's JSON provider sends them.
DOCUMENT = {"active": True, "id": 42, "name": "Ada Lovelace", "tags": ["first", "second", "third"]}
ROWS = [{"name": f"<Row {number}>", "price": number * 1.5, "stock": number * 7 % 40} for number in range(50)]
#: 1 KB as JSON.
ECHOED = {f"key {number:02}": "value " * 4 for number in range(28)}
#: 20 KB as JSON.
MANY_ROWS = [{"id": number, "name": f"Row {number}", "note": "some words about it, " * 3} for number in range(200)]
CHUNK = b"x" * 1023 + b"\n"
CHUNKS = 100
UPLOAD = b"x" * (10 * 1024 * 1024)
#: Of files below STATIC, in bytes.
FILES = {"10k.txt": 10 * 1024, "1m.txt": 1024 * 1024}

GZIP_LEVEL = 2
SECRET_KEY = "of the benchmarks"
THREADS = 8
#: Seconds that a view takes in the workloads that wait.
WAIT = 0.01
#: What a proxy in front says, and what an application without ProxyFix sees.
FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
ADDRESS_FORWARDED = "203.0.113.9 https"
ADDRESS_OF_PEER = "127.0.0.1 http"
#: Blueprints, and views in each of them.
BLUEPRINTS, VIEWS = 10, 30


def as_json(value: Any) -> bytes:
    """As Flask's ``jsonify`` has it outside of debug mode."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def rows_as_html() -> bytes:
    """What ``templates/rows.html`` renders to."""
    rows = "".join(
        f"  <tr><td>&lt;{row['name'][1:-1]}&gt;</td><td>{row['price']:.2f}</td><td>{row['stock']}</td></tr>\n"  # type: ignore[index]
        for row in ROWS
    )
    return f"<!doctype html>\n<title>Rows</title>\n<table>\n{rows}</table>".encode()


def make_files() -> None:
    """Write the files that are served as static ones."""
    STATIC.mkdir(parents=True, exist_ok=True)
    for name, size in FILES.items():
        (STATIC / name).write_bytes(file_content(size))


def file_content(size: int) -> bytes:
    return (b"0123456789abcde\n" * (size // 16 + 1))[:size]
