"""The blocks of code of a page in Markdown, as mkdocs shows them."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[^\s`]*)(?P<rest>[^`]*)$")
_TITLE = re.compile(r'\btitle="([^"]*)"')


class GuideError(AssertionError):
    """A page does not keep its word; the message begins with the page and the line."""


@dataclass(frozen=True)
class Block:
    """``line`` is that of the fence, counted from one; ``title`` is empty if there is none."""

    page: str
    line: int
    language: str
    title: str
    text: str

    def error(self, message: str, line: int | None = None) -> GuideError:
        """``line`` is counted within the block, from zero."""
        return GuideError(f"{self.page}:{self.line + 1 + line if line is not None else self.line}: {message}")


@dataclass(frozen=True)
class Command:
    """A line ``$ command`` of a console block, and what the page says that it prints."""

    text: str
    expected: str
    line: int
    may_fail: bool


def blocks(page: str, text: str) -> Iterator[Block]:
    """Every fenced block, also those in lists and notes."""
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        if opening := _FENCE.match(line):
            body = []
            for _, inner in lines:
                if inner.strip() == opening["fence"]:
                    break
                body.append(inner)
            else:
                raise GuideError(f"{page}:{number}: this block has no end")
            title = _TITLE.search(opening["rest"])
            yield Block(page, number, opening["language"], title[1] if title else "", _dedent(body))


def _dedent(lines: list[str]) -> str:
    return textwrap.dedent("".join(f"{line}\n" for line in lines))


def commands(block: Block) -> list[Command]:
    """A command goes on in the next line after a backslash. One may fail if the block asks for its exit code next."""
    found: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(block.text.splitlines()):
        if line.startswith("$ "):
            found.append((number, line[2:], []))
        elif not found:
            raise block.error("a console block begins with a line '$ command'", number)
        elif found[-1][1].endswith("\\") and not found[-1][2]:
            found[-1] = (found[-1][0], f"{found[-1][1]}\n{line}", [])
        else:
            found[-1][2].append(line)
    following = [text for _, text, _ in found[1:]] + [""]
    return [
        Command(text, "\n".join(output).strip("\n"), number, "$?" in after)
        for (number, text, output), after in zip(found, following, strict=True)
    ]


def patched(block: Block, before: str) -> str:
    """``before`` with the hunks of a diff in it.

    What a hunk takes away, with the lines around it, has to be there once: line numbers are not looked at, so that
    pages can leave them out (a line that begins with ``@@`` parts hunks).
    """
    after = before
    for hunk in re.split(r"^@@.*\n", block.text, flags=re.MULTILINE):
        lines = [line for line in hunk.splitlines() if not line.startswith(("--- ", "+++ "))]
        old = _side(lines, "-")
        if not any(line.startswith(("-", "+")) for line in lines):
            if hunk.strip() and lines:
                raise block.error(f"a hunk that changes nothing:\n{hunk}")
            continue
        places = [match.start() for match in re.finditer(rf"^(?={re.escape(old)})", after, flags=re.MULTILINE)]
        if len(places) != 1:
            message = f"{block.title} has the old lines of this hunk {len(places)} times"
            raise block.error(f"{message}:\n{old}\nin\n{after}")
        after = after[: places[0]] + _side(lines, "+") + after[places[0] + len(old) :]
    return after


def _side(lines: list[str], sign: str) -> str:
    kept = (line for line in lines if line[:1] in ("", " ", sign))
    return "".join(f"{line[1:]}\n" for line in kept)
