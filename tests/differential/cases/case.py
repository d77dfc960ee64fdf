"""One row of the table of requests."""

from __future__ import annotations

from dataclasses import dataclass

from ..request import Header, Request, get


@dataclass(frozen=True)
class Case:
    """A visit of one request or more, to one variant of the application or to several."""

    name: str
    requests: tuple[Request, ...]
    variants: tuple[str, ...] = ("default",)


def visit(target: str, *headers: Header, method: str = "GET", variants: tuple[str, ...] = ("default",)) -> Case:
    """A case of one request without a body, named after its request line and its headers."""
    shown = "".join(f" {name.decode('latin-1')}={value.decode('latin-1')}" for name, value in headers)
    return Case(f"{method} {target}{shown}", (get(target, *headers, method=method),), variants)
