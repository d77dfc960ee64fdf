"""A suite: whose tests are run, with what, and which of them cannot apply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from .swap.order import Framework, Lane

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Suite:
    """The tests of one project."""

    name: str
    project: str
    version: str
    #: The part of the sdist in which pytest runs.
    folder: str = "."
    tests: tuple[str, ...] = ("tests",)
    #: Requirements beside the project itself.
    extras: tuple[str, ...] = ()
    #: Requirements that replace what the project asks for.
    overrides: tuple[str, ...] = ()
    #: Whether the project is installed, in the version of its sdist.
    installed: bool = True
    #: Options of pytest, and environment variables, that the suite's own configuration would give.
    options: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    #: Tests that cannot apply on principle, each with the reason: node ids without parameters, or files.
    excluded: dict[str, str] = field(default_factory=dict)
    framework: Framework = "flask"
    #: Modules that see flask.Flask itself, as where an application names WebServer: agents that patch the class.
    agents: tuple[str, ...] = ()
    lanes: tuple[Lane, ...] = get_args(Lane)
    #: Whether its tests make requests in the process that runs them. If not, there is only one lane.
    makes_requests: bool = True
    #: Whether the bounded run of CI has it.
    quick: bool = False

    @property
    def key(self) -> str:
        """The name on the command line."""
        return self.name.lower().replace(" ", "-").replace("'", "")

    def runs_in(self, lane: Lane) -> bool:
        return lane in self.lanes and (self.makes_requests or lane == "sync")

    @property
    def installs(self) -> tuple[str, ...]:
        """The requirements of the suite's environment."""
        own = (f"{self.project}=={self.version}",) if self.installed else ()
        return (*own, *self.extras)

    def version_with(self, overrides: Iterable[str]) -> str:
        """The version of the sdist when requirements are replaced: ``--with flask==3.2.0`` runs the tests of 3.2.0."""
        for requirement in overrides:
            project, _, version = requirement.partition("==")
            if version and project.strip().lower() == self.project.lower():
                return version.strip()
        return self.version
