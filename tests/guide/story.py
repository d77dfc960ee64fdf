"""A page is one story: its blocks are written, applied and run in their order, in a folder of the page's own."""

from __future__ import annotations

import configparser
import contextlib
import doctest
import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ..servers import is_listening, wait_for
from .blocks import Block, Command, blocks, commands, patched
from .ports import Ports
from .shell import Bash, Interpreter

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a block without a title may be, beside those that run, and who says whether it is well formed.
_PARSERS: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": lambda text: list(yaml.safe_load_all(text)),
    "ini": lambda text: configparser.ConfigParser().read_string(text),
}
_MATCHES = doctest.OutputChecker().check_output


def tell(page: Path, name: str, folder: Path) -> None:
    """Run all of a page; ``folder`` is empty. What does not keep its word raises ``GuideError``."""
    told = list(blocks(name, page.read_text()))
    _check_use(told)
    with contextlib.ExitStack() as stack:
        story = _Story(folder, stack)
        for block in told:
            story.go_on(block)


def _check_use(told: list[Block]) -> None:
    """A file that nothing else on the page names has not been tried out."""
    for block in told:
        others = "\n".join(other.text for other in told if other is not block)
        if block.title and not re.search(rf"\b{_word_for(Path(block.title))}\b", others):
            raise block.error(f"nothing on this page uses {block.title}")


def _word_for(path: Path) -> str:
    """What names a file where it is used: pytest finds its own, and a package goes by the name of its folder."""
    if path.name.startswith(("test_", "conftest.")):
        return "pytest"
    return re.escape(path.parent.name if path.stem == "__init__" else path.stem)


class _Story:
    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._ports = Ports()
        self._folder, self._kept = folder / "app", folder / "kept"
        self._folder.mkdir()
        self._kept.mkdir()
        # `aeros-compat run` and `flask run` without a port.
        self._variables = {"FLASK_RUN_PORT": self._ports.free("5000")}
        self._bash: Bash | None = None
        self._python: Interpreter | None = None
        self._jobs = 0

    def go_on(self, block: Block) -> None:
        if block.title:
            self._write(block)
        elif block.language == "python":
            self._run_python(block)
        elif block.language == "console":
            for command in commands(block):
                self._run_command(block, command)
        elif block.language in _PARSERS:
            self._parse(block)
        elif block.language != "text":
            raise block.error(f"'{block.language}' cannot be run: give the block a title, or show it as text")

    def _write(self, block: Block) -> None:
        path = self._folder / block.title
        if block.language == "diff":
            if not path.exists():
                raise block.error(f"there is no {block.title} to apply this to")
            # The file has the free ports already.
            path.write_text(self._ports.replaced(patched(block, self._ports.restored(path.read_text()))))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._ports.replaced(block.text))

    def _parse(self, block: Block) -> None:
        try:
            _PARSERS[block.language](block.text)
        except (ValueError, yaml.YAMLError, configparser.Error) as error:
            raise block.error(f"this is not {block.language}: {error}") from error

    def _run_python(self, block: Block) -> None:
        if self._python is None:
            self._python = Interpreter(self._folder, self._kept, self._variables)
            self._stack.callback(self._python.close)
        self._wait_for_servers(block.text)
        if failure := self._python.failure(block, self._ports.replaced(block.text)):
            raise block.error(f"{self._ports.restored(failure)}\n{self._logs()}")

    def _run_command(self, block: Block, command: Command) -> None:
        if self._bash is None:
            self._bash = Bash(self._folder, self._kept, self._variables)
            self._stack.callback(self._bash.close)
        in_background = command.text.endswith("&")
        if not in_background:
            self._wait_for_servers(command.text)
        ended = self._bash.run(self._ports.replaced(command.text))
        self._jobs = ended.jobs

        def printed() -> str:
            return self._ports.restored(ended.output.read_text())

        if ended.status and not command.may_fail:
            message = f"$ {command.text}\nexit code {ended.status}\n{printed()}\n{self._logs()}"
            raise block.error(message, command.line)
        if command.expected:
            # The first lines of a server come when they come.
            with contextlib.suppress(AssertionError):
                wait_for(lambda: not in_background or _as_expected(command, printed()))
            if not _as_expected(command, printed()):
                message = f"$ {command.text}\nshould print\n{command.expected}\nand printed\n{printed()}"
                raise block.error(message, command.line)

    def _wait_for_servers(self, text: str) -> None:
        """As a reader does, who asks a server when it has said that it is there."""
        if self._jobs:
            for port in self._ports.named(text):
                free = int(self._ports.free(port))
                with contextlib.suppress(AssertionError):
                    wait_for(lambda free=free: is_listening(free))  # type: ignore[misc]

    def _logs(self) -> str:
        """What the programs of this page have printed so far."""
        files = sorted(path for path in self._kept.iterdir() if path.suffix in (".out", ".log") and path.stat().st_size)
        return "\n".join(f"-- {path.name}\n{self._ports.restored(path.read_text()[-3000:])}" for path in files)


def _as_expected(command: Command, printed: str) -> bool:
    """Blanks at the ends of lines do not count; ``...`` stands for anything."""
    want, got = (
        "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines()) for text in (command.expected, printed)
    )
    return _MATCHES(want, got, doctest.ELLIPSIS)
