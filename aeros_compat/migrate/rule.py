"""What a rule is: one way to wait that gives the event loop back, and why it is equal to the one before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import libcst as cst

    from .view import View


class CallRule(Protocol):
    """Plans a call if it can be proven equal; gives None if it has, otherwise why not (empty: not its concern)."""

    def __call__(self, view: View, call: cst.Call) -> str | None: ...


class StatementRule(Protocol):
    """The same for a statement."""

    def __call__(self, view: View, statement: cst.CSTNode) -> str | None: ...


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes:
        name: For ``--only`` and ``--skip``.
        summary: What becomes what, in a line.
        packages: What has to be installed for it.
        call: Plans calls in expressions.
        statement: Plans statements, before their expressions are looked at.
    """

    name: str
    summary: str
    packages: tuple[str, ...] = ()
    call: CallRule | None = None
    statement: StatementRule | None = None
