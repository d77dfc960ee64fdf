"""All promises, in the order in which the table has them."""

from __future__ import annotations

from . import deadlocks, endings, faults, isolation, overload, shutdown, slow_clients, soak
from .promise import DECLARED

MODULES = (isolation, soak, endings, slow_clients, overload, shutdown, faults, deadlocks)

PROMISES = [promise for module in MODULES for promise in DECLARED if promise.keep.__module__ == module.__name__]
