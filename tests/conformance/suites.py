"""The suites: whose tests are run, with what, and which of them cannot apply."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


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
    #: Whether the bounded run of CI has it.
    quick: bool = False

    @property
    def key(self) -> str:
        """The name on the command line."""
        return self.name.lower().replace(" ", "-").replace("'", "")

    @property
    def installs(self) -> tuple[str, ...]:
        """The requirements of the suite's environment."""
        own = (f"{self.project}=={self.version}",) if self.installed else ()
        return (*own, *self.extras)

    def version_with(self, overrides: Iterable[str]) -> str:
        """The version of the sdist when some requirements are replaced: ``--with flask==3.2`` runs Flask 3.2's tests."""
        for requirement in overrides:
            project, _, version = requirement.partition("==")
            if version and project.strip().lower() == self.project.lower():
                return version.strip()
        return self.version


_WATCHES_RUN_SIMPLE = (
    "puts a function in the place of werkzeug.serving.run_simple and looks at what run() hands to it;"
    " run() of a WebServer serves on uvicorn"
)

_FLASK_RUN = dict.fromkeys(
    (
        "tests/test_basic.py::test_run_defaults",
        "tests/test_basic.py::test_run_from_config",
        "tests/test_basic.py::test_run_server_port",
        "tests/test_basic.py::test_werkzeug_passthrough_errors",
    ),
    _WATCHES_RUN_SIMPLE,
) | {
    "tests/test_templating.py::test_templates_auto_reload_debug_run": (
        "calls run() and needs it to return at once because werkzeug.serving.run_simple is replaced"
    )
}

SUITES = (
    Suite(
        "Flask",
        "flask",
        "3.1.3",
        installed=False,
        extras=("python-dotenv",),
        excluded=_FLASK_RUN,
        quick=True,
    ),
    Suite("Flask tutorial", "flask", "3.1.3", folder="examples/tutorial", installed=False, quick=True),
    Suite("Flask-Caching", "flask-caching", "2.5.1", extras=("pylibmc", "redis", "pytest-xprocess", "pytest-asyncio")),
    Suite("Flask-Compress", "flask-compress", "1.25", extras=("flask-caching",)),
)

#: Projects that were looked at and cannot be run: version and reason.
WITHOUT_TESTS: dict[str, tuple[str, str]] = {}
