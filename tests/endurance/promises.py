"""All promises: a module each for what they are about."""

from __future__ import annotations

from . import deadlocks, endings, faults, isolation, shutdown, slow_clients, soak
from .promise import PROMISES

MODULES = (isolation, soak, endings, slow_clients, shutdown, faults, deadlocks)

__all__ = ["MODULES", "PROMISES"]
