"""Where an application is found: by the ``module:name`` of a command line, or by the name of one that is running.

Worker processes are started anew (spawn), so they find the application by its name: an object cannot be handed over.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flask.cli import NoAppException, locate_app, prepare_import

from .settings import CannotServe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from flask import Flask

    from ..webserver import WebServer

#: The names of application factories that Flask looks for.
FACTORIES = ("create_app", "make_app")

#: The files that Flask looks for when it is told nothing.
DEFAULT_FILES = ("wsgi.py", "app.py")


class Location(NamedTuple):
    """A module, and in it the name of an application or of a factory, or a call of one: ``create_app("test")``."""

    module: str
    name: str | None
    #: Makes a WebServer of what is found, in place (``WebServer.from_flask``).
    convert: Callable[[Flask], WebServer]

    def __str__(self) -> str:
        return self.module if self.name is None else f"{self.module}:{self.name}"

    def load(self) -> WebServer:
        """Import the module, and find or make the application.

        :raises CannotServe: if there is no such module, or nothing of that name in it.

        An exception of the module's own code, or of the factory's, goes through as it is.
        """
        if self.module not in sys.modules:
            _import(self.module)
        try:
            return self.convert(locate_app(self.module, self.name))
        except NoAppException as error:
            raise CannotServe(error.format_message()) from error


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        # Of the module itself, or of a package above it; any other one is the module's own failure.
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise CannotServe(
            f"There is no module {error.name!r} in {sys.path[0]}, nor anywhere else where Python looks for modules."
        ) from error


def location_from(target: str | None, convert: Callable[[Flask], WebServer]) -> Location:
    """The location for ``module:app``, ``module:create_app``, ``module:create_app('x')``; a file may name the module.

    Without a target it is that of ``wsgi.py`` or ``app.py``, as under ``flask run``.

    :raises CannotServe: if there is no such file.
    """
    if not target:
        found = [name for name in DEFAULT_FILES if Path(name).is_file()]
        if not found:
            raise CannotServe(
                "Which application? Name it, as in module:app. Without a name it is the one in wsgi.py or app.py, and"
                " neither is here."
            )
        target = found[0]
    path, _, name = _PATH.fullmatch(target).groups()  # type: ignore[union-attr]
    if path.endswith(".py") and not Path(path).is_file():
        raise CannotServe(f"There is no file {path!r}.")
    return Location(prepare_import(path), name or None, convert)


#: As in ``flask --app``: a colon before a slash belongs to a Windows path.
_PATH = re.compile(r"(.*?)(:(?![\\/])(.*))?", re.DOTALL)


def location_of(app: WebServer, convert: Callable[[Flask], WebServer]) -> Location:
    """Where other processes find an application that this one has made.

    :raises CannotServe: if they cannot find it, with the lines to write.
    """
    for module, name in [*_names_of(app), *_factories_for(app)]:
        return Location(module, name, convert)
    raise CannotServe(
        "Several workers need to find the application by its name, and it has none: it was made inside a function or"
        " below 'if __name__ == \"__main__\"'. Write at the top level of a module:\n\n"
        f"    app = {_made_by(app)}\n\n"
        "    if __name__ == '__main__':\n"
        "        app.run(workers=...)\n"
    )


def _made_by(app: WebServer) -> str:
    return "create_app()" if app.import_name != "__main__" else "WebServer(__name__)"


def _names_of(app: WebServer) -> Iterator[tuple[str, str]]:
    """Attributes of modules that are the application, the likeliest first."""
    likely = [app.import_name, "__main__"]
    for name in [*likely, *(name for name in list(sys.modules) if name not in likely)]:
        module = sys.modules.get(name)
        if module is None:
            continue
        # Multiprocessing has given the main module a second name, __mp_main__.
        stays = _names_of_main(module) if module is sys.modules["__main__"] else None
        for attribute, value in list(getattr(module, "__dict__", {}).items()):
            if value is app and (stays is None or attribute in stays):
                yield name, attribute


def _factories_for(app: WebServer) -> Iterator[tuple[str, str]]:
    """Functions that Flask takes for factories and that can be called without arguments."""
    for module in (app.import_name, "__main__"):
        names = _names_of_main(sys.modules["__main__"]) if module == "__main__" else None
        for name in FACTORIES:
            factory = getattr(sys.modules.get(module), name, None)
            if inspect.isfunction(factory) and _takes_nothing(factory) and (names is None or name in names):
                yield module, name


def _takes_nothing(factory: Callable[..., Any]) -> bool:
    try:
        inspect.signature(factory).bind()
    except TypeError:
        return False
    return True


def _names_of_main(module: ModuleType) -> set[str]:
    """The names that the main module has in a worker too, where it is run under the name ``__mp_main__``.

    Those that are made below ``if __name__ == "__main__"`` are not among them, and a prompt or ``python -c`` has none.
    """
    try:
        tree = ast.parse(Path(module.__file__ or "").read_bytes())
    except (AttributeError, OSError, SyntaxError, ValueError):
        return set()
    tree.body = [statement for statement in tree.body if not _is_guard(statement)]
    return set(_bound(tree))


def _is_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test)
    )


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a module binds, without those inside functions and classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name
        elif isinstance(child, ast.alias):
            yield (child.asname or child.name).partition(".")[0]
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        else:
            yield from _bound(child)
