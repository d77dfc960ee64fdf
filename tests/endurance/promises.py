"""All promises: a module each for what they are about."""

from __future__ import annotations

from . import isolation, shutdown
from .promise import PROMISES

MODULES = (isolation, shutdown)

__all__ = ["MODULES", "PROMISES"]
