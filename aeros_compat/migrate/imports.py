"""Imports at the top of a file: where isort and ruff would put them, next to those that are there."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst
from libcst.helpers import get_full_name_for_node

if TYPE_CHECKING:
    from collections.abc import Iterable

    Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


@dataclass(frozen=True, order=True)
class Import:
    """``import module``, or ``from module import name``, either with another name."""

    module: str
    name: str = ""
    alias: str = ""

    def statement(self) -> cst.Import | cst.ImportFrom:
        module = cst.parse_expression(self.module)
        if not self.name:
            return cst.Import([_alias(module, self.alias)])
        return cst.ImportFrom(module, [_alias(cst.Name(self.name), self.alias)])  # type: ignore[arg-type]


def _alias(name: cst.BaseExpression, alias: str) -> cst.ImportAlias:
    return cst.ImportAlias(name, cst.AsName(cst.Name(alias)) if alias else None)  # type: ignore[arg-type]


def with_imports(tree: cst.Module, imports: Iterable[Import]) -> cst.Module:
    """``tree`` with imports added that it does not have at its top level yet."""
    body = list(tree.body)
    for wanted in sorted(imports):
        if not _has(body, wanted) and not _extend(body, wanted):
            _insert(body, wanted)
    return tree.with_changes(body=body)


def _imports(statement: Statement) -> list[cst.Import | cst.ImportFrom]:
    if not isinstance(statement, cst.SimpleStatementLine):
        return []
    return [part for part in statement.body if isinstance(part, cst.Import | cst.ImportFrom)]


def _has(body: list[Statement], wanted: Import) -> bool:
    code = cst.Module([]).code_for_node
    (alias,) = wanted.statement().names  # type: ignore[misc]
    for statement in body:
        for part in _imports(statement):
            if isinstance(part, cst.ImportFrom) != bool(wanted.name) or isinstance(part.names, cst.ImportStar):
                continue
            same = not wanted.name or module_of(part) == wanted.module
            if same and code(alias) in [
                code(each.with_changes(comma=cst.MaybeSentinel.DEFAULT)) for each in part.names
            ]:
                return True
    return False


def module_of(statement: cst.Import | cst.ImportFrom) -> str:
    """``.db`` for ``from .db import fetch_all``."""
    if isinstance(statement, cst.Import):
        return get_full_name_for_node(statement.names[0].name) or ""
    return "." * len(statement.relative) + (get_full_name_for_node(statement.module) or "" if statement.module else "")


def _extend(body: list[Statement], wanted: Import) -> bool:
    """Add a name to an import from the same module."""
    if not wanted.name:
        return False
    for position, statement in enumerate(body):
        for part in _imports(statement):
            if not isinstance(part, cst.ImportFrom) or isinstance(part.names, cst.ImportStar):
                continue
            if module_of(part) == wanted.module:
                body[position] = statement.deep_replace(part, _with_name(part, wanted))  # type: ignore[arg-type]
                return True
    return False


def _with_name(part: cst.ImportFrom, wanted: Import) -> cst.ImportFrom:
    assert not isinstance(part.names, cst.ImportStar)
    names = list(part.names)
    (added,) = wanted.statement().names  # type: ignore[misc]
    places = [place for place, each in enumerate(names) if (each.evaluated_name or "") < wanted.name]
    place = places[-1] + 1 if places else 0
    comma = names[0].comma if len(names) > 1 else cst.MaybeSentinel.DEFAULT
    if place == len(names):  # the one before it gets the comma, and it gets that one's end
        before = names[-1]
        between = comma if len(names) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        names[-1] = before.with_changes(comma=between)
        added = added.with_changes(comma=before.comma)
    else:
        added = added.with_changes(
            comma=comma if len(names) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        )
    names.insert(place, added)
    return part.with_changes(names=names)


def _insert(body: list[Statement], wanted: Import) -> None:
    """Add a statement to the first block of imports, in its section and in order."""
    start, end = _first_block(body)
    key = _key(wanted.statement())
    place = start
    for position in range(start, end):
        if _key(_imports(body[position])[0]) < key:
            place = position + 1
    added = cst.SimpleStatementLine([wanted.statement()])
    follows = place > start and _section(body[place - 1]) == key[0]
    precedes = place < end and _section(body[place]) == key[0]
    if precedes and not follows:
        # What began the section now comes second: the blank lines above it stay on top.
        lines = body[place].leading_lines
        blank = next((count for count, line in enumerate(lines) if line.comment is not None), len(lines))
        added = added.with_changes(leading_lines=lines[:blank])
        body[place] = body[place].with_changes(leading_lines=lines[blank:])
    elif not follows and place > 0:
        added = added.with_changes(leading_lines=[_BLANK])
    if not precedes and place < len(body) and not _is_apart(body[place]):
        body[place] = body[place].with_changes(leading_lines=[_BLANK, *body[place].leading_lines])
    body.insert(place, added)


def _section(statement: Statement) -> int:
    return _key(_imports(statement)[0])[0]


def _is_apart(statement: Statement) -> bool:
    return bool(statement.leading_lines) and statement.leading_lines[0].comment is None


#: An empty line, without the indentation of where it stands.
_BLANK = cst.EmptyLine(indent=False)


def _first_block(body: list[Statement]) -> tuple[int, int]:
    start = 1 if body and _is_docstring(body[0]) else 0
    end = start
    while end < len(body) and _imports(body[end]):
        end += 1
    return start, end


def _is_docstring(statement: Statement) -> bool:
    return (
        isinstance(statement, cst.SimpleStatementLine)
        and isinstance(statement.body[0], cst.Expr)
        and isinstance(statement.body[0].value, cst.SimpleString | cst.ConcatenatedString)
    )


def _key(statement: cst.Import | cst.ImportFrom) -> tuple[int, bool, str]:
    """Sections as isort has them; within one, ``import`` before ``from``, by name."""
    module = module_of(statement)
    top = module.partition(".")[0]
    if module == "__future__":
        section = 0
    elif module.startswith("."):
        section = 3
    else:
        section = 1 if top in sys.stdlib_module_names else 2
    return section, isinstance(statement, cst.ImportFrom), module.lower()
