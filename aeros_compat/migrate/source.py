"""A file of Python source: read, compared and written byte by byte as it is."""

from __future__ import annotations

import ast
import difflib
import errno
import os
import shutil
from typing import TYPE_CHECKING

import libcst as cst
from libcst import metadata

from ..failures import CannotRun, reason_of

if TYPE_CHECKING:
    from pathlib import Path


class CannotMigrate(CannotRun):
    """What was asked for cannot be done; the message is a sentence for the user."""


class Source:
    """A file and its syntax tree, which keeps comments, line ends, indentation and encoding.

    Args:
        path: The file.

    Raises:
        CannotMigrate: It cannot be read, or is not Python.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.content = path.read_bytes()
            self.tree = cst.parse_module(self.content)
        except OSError as error:
            raise CannotMigrate(f"{path} cannot be read: {reason_of(error)}.") from error
        except cst.ParserSyntaxError as error:
            raise CannotMigrate(f"{path} is not valid Python: {_words_of(error, self.content)}.") from error
        except (UnicodeDecodeError, LookupError, SyntaxError) as error:
            raise CannotMigrate(f"{path} cannot be decoded: {error}.") from error
        self.wrapper = metadata.MetadataWrapper(self.tree, unsafe_skip_copy=True)

    def line_of(self, node: cst.CSTNode) -> int:
        """The number of the line, from 1, on which ``node`` begins."""
        return int(self.wrapper.resolve(metadata.PositionProvider)[node].start.line)

    def code_of(self, node: cst.CSTNode, width: int = 60) -> str:
        """The text of ``node`` on one line, cut to ``width`` characters."""
        text = " ".join(self.tree.code_for_node(node).split())
        return text if len(text) <= width else text[: width - 1] + "…"

    def diff(self, changed: bytes) -> str:
        """A unified diff from this file to ``changed``; empty if they are the same."""
        old, new = (text.decode(self.tree.encoding).splitlines(keepends=True) for text in (self.content, changed))
        lines = difflib.unified_diff(old, new, f"a/{self.path}", f"b/{self.path}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

    def write(self, changed: bytes) -> None:
        """Put ``changed`` into the file, all of it or nothing.

        Raises:
            CannotMigrate: It cannot be written.
        """
        path = self.path.resolve()
        # Beside it, and then in its place: a full disk must not cost anybody their source.
        beside = path.with_name(f".{path.name}.aeros-compat")
        try:
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            beside.write_bytes(changed)
            shutil.copymode(path, beside)
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise CannotMigrate(f"{self.path} cannot be written: {reason_of(error)}.") from error


def _words_of(error: cst.ParserSyntaxError, content: bytes) -> str:
    """Python's own words, which are better known than those of the parser."""
    try:
        ast.parse(content)
    except SyntaxError as own:
        return f"line {own.lineno}: {own.msg}"
    except ValueError:  # null bytes
        pass
    return f"line {error.raw_line}: {error.message.rstrip('.')}"


def python_files(path: Path) -> list[Path]:
    """``path`` itself, or the Python files below it, without environments, caches and hidden folders.

    Raises:
        CannotMigrate: There is no such file or folder.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise CannotMigrate(f"There is no file or folder {path}.")
    return sorted(file for file in path.rglob("*.py") if not _is_foreign(file.relative_to(path), path))


def _is_foreign(file: Path, root: Path) -> bool:
    """Whether a file below ``root`` is not the user's own: installed, built or hidden."""
    for folder in file.parents:
        if folder.name.startswith(".") or folder.name in ("site-packages", "node_modules", "__pycache__"):
            return bool(folder.name)
        if folder.name and (root / folder / "pyvenv.cfg").exists():
            return True
    return False
