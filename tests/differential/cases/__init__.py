"""The hand-picked requests, each with a name: what is known to be delicate."""

from __future__ import annotations

from . import answers, bodies, files, headers, routing, state
from .case import Case

__all__ = ["CASES", "Case"]

CASES: list[Case] = [*routing.CASES, *headers.CASES, *bodies.CASES, *answers.CASES, *files.CASES, *state.CASES]
