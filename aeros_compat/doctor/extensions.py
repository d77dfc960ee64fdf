"""The Flask extensions that an application uses, and whether their own tests were run on a WebServer."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import Distribution

    from ..webserver import WebServer

#: Written by the conformance command, together with its page in the migration guide.
_TESTED = Path(__file__).with_name("tested.json")

_FRAMEWORKS = frozenset({"aeros-compat", "flask", "quart", "werkzeug"})

#: Extensions that this package itself imports.
_OWN = frozenset({"flask-caching", "flask-compress"})


@dataclass(frozen=True)
class Extension:
    """A project that the application has imported."""

    name: str
    version: str
    #: The version whose own tests were run on a WebServer; empty if there is none.
    tested: str
    #: The lanes that they were run in.
    lanes: tuple[str, ...]

    @property
    def is_tested(self) -> bool:
        """Whether it is that version."""
        return self.version == self.tested


def known_projects() -> dict[str, dict[str, Any]]:
    """By project: ``version``, ``lanes`` and ``newly_failing``."""
    projects: dict[str, dict[str, Any]] = json.loads(_TESTED.read_text())
    return projects


def extensions_of(app: WebServer) -> Iterator[Extension]:
    """What has registered itself with the application, needs Flask and has been imported, or is in the table."""
    tested = known_projects()
    owners = packages_distributions()
    used = {name for extension in app.extensions.values() for name in owners.get(_top(type(extension).__module__), ())}
    imported = {name for module in map(_top, list(sys.modules)) for name in owners.get(module, ())}
    for name in sorted(imported | used, key=str.lower):
        key = normalized(name)
        found = _distribution(name)
        if found is None or key in _FRAMEWORKS or (key in _OWN and name not in used):
            continue
        if name in used or ((key in tested or _needs_flask(found)) and _is_imported(found)):
            known = tested.get(key, {"version": "", "lanes": []})
            yield Extension(name, found.version, known["version"], tuple(known["lanes"]))


def normalized(name: str) -> str:
    """A project's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _top(module: str) -> str:
    return module.partition(".")[0]


def _distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _needs_flask(found: Distribution) -> bool:
    requirements = [text for text in found.requires or () if "extra ==" not in text]
    return any(re.match(r"flask(?![\w-])", text, re.IGNORECASE) for text in requirements)


def _is_imported(found: Distribution) -> bool:
    """Whether a module of its own has been imported: several projects may share a namespace (``opentelemetry``)."""
    files = [file for file in found.files or () if file.suffix == ".py"]
    return any(".".join(file.with_suffix("").parts).removesuffix(".__init__") in sys.modules for file in files)
