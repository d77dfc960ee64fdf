"""What is going to be done to one view, and why: collected first, carried out only if nothing stands against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import libcst as cst

if TYPE_CHECKING:
    from collections.abc import Callable

    from .imports import Import

    #: Makes the replacement of a node from that node, with its children replaced.
    Edit = Callable[[Any], Any]


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that was rewritten, or left alone.

    Attributes:
        line: Its line in the file as it was.
        rule: The rule that applies, or ``left``.
        text: What was done, or why nothing was.
    """

    line: int
    rule: str
    text: str


@dataclass
class Plan:
    """The changes to a function.

    Attributes:
        edits: For a node of the original tree, what makes its replacement from the node with its children replaced.
        whole: Nodes whose children stay as they are.
        findings: What was done.
        obstacles: Why the view has to stay ``def``.
        notes: What somebody should know, or look at.
        imports: What the file needs.
        packages: What has to be installed.
    """

    edits: dict[cst.CSTNode, Edit] = field(default_factory=dict)
    whole: set[cst.CSTNode] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    obstacles: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    imports: set[Import] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)

    def edit(self, node: cst.CSTNode, edit: Edit) -> None:
        self.edits[node] = edit

    def replace_whole(self, node: cst.CSTNode, edit: Edit) -> None:
        """Replace a node by something that contains it as it is."""
        self.edits[node] = edit
        self.whole.add(node)


class Carried(cst.CSTTransformer):
    """Carries plans out on a tree."""

    def __init__(self, plans: list[Plan]) -> None:
        super().__init__()
        self.edits = {node: edit for plan in plans for node, edit in plan.edits.items()}
        self.whole = {node for plan in plans for node in plan.whole}

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node not in self.whole

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        edit = self.edits.get(original_node)
        return updated_node if edit is None else edit(updated_node)


def to_async(function: cst.FunctionDef) -> cst.FunctionDef:
    return function.with_changes(asynchronous=cst.Asynchronous(cst.SimpleWhitespace(" ")))
