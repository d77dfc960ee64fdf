"""All promises: a module each for what they are about."""

from __future__ import annotations

from . import endings, isolation, shutdown, soak
from .promise import PROMISES

MODULES = (isolation, soak, endings, shutdown)

__all__ = ["MODULES", "PROMISES"]
