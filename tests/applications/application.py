"""An application: its tests, and how it is loaded to be replayed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..conformance.suite import Suite


@dataclass(frozen=True)
class Application:
    """One application of somebody else's."""

    suite: Suite
    #: What it is, for the table.
    kind: str
    #: What ``aeros-compat parity`` is told: the application or its factory.
    target: str
    #: What ``aeros-compat swap`` is given, in its sdist.
    sources: tuple[str, ...] = (".",)
    #: Whether its views are turned into ``async def`` one by one: its tests run once for each.
    asyncify: bool = False
    #: Files that stand in the folder where it is replayed: its configuration, as an administrator writes it, with
    #: ``{folder}`` for that folder.
    files: dict[str, str] = field(default_factory=dict)
    #: Environment variables, in which ``{folder}`` is that folder.
    variables: dict[str, str] = field(default_factory=dict)
    #: Why a test fails on WebServer alone, or a request differs, if one does.
    note: str = ""
    #: Its SQLite databases in that folder.
    databases: tuple[str, ...] = ()
