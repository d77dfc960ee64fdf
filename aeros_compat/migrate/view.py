"""One function on its way to ``async def``: statement by statement, from the outside in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from .block import plan_blocks
from .expressions import plan_expression
from .functions import is_generator
from .imports import Import
from .knowledge import STREAMS
from .plan import Finding, Plan, to_async
from .unpacking import why_statement
from .uses import uses_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from .court import Court
    from .project import Function
    from .rule import CallRule, Rule, StatementRule

_NOTHING_TO_DO = cst.Pass | cst.Break | cst.Continue | cst.Global | cst.Nonlocal | cst.Import | cst.ImportFrom


class View:
    """Plans the conversion of one function.

    Args:
        court: Judges calls.
        function: The function: a view, or a helper that is followed.
        rules: The rules that may be used.
        followed: Functions that become ``async def`` at the same time.
        is_view: Whether its arguments come from the URL.
    """

    def __init__(
        self,
        court: Court,
        function: Function,
        rules: Sequence[Rule],
        followed: Collection[Function] = (),
        is_view: bool = True,
    ) -> None:
        self.function = function
        self.file = function.file
        self.source = function.file.source
        self.naming = function.file.naming
        self.project = court.project
        self.judge = court.judge(function, is_view)
        self.followed = followed
        self.plan = Plan()
        self._rules = rules
        #: Calls that are given functions, and await them.
        self.awaiting: set[cst.CSTNode] = set()
        #: Calls of methods of objects that have become asynchronous.
        self.twins: dict[cst.Call, Callable[[Any], Any]] = {}
        self._taken: set[str] = set()
        self._blocks: dict[cst.CSTNode, str] = {}
        self._has_thread = any(rule.name == "thread" for rule in rules)
        self._has_block = any(rule.name == "block" for rule in rules)
        self._plan_function()

    # What rules and the steps below use.

    def line(self, node: cst.CSTNode) -> int:
        return self.source.line_of(node)

    def done(self, node: cst.CSTNode, rule: str, text: str) -> None:
        self.plan.findings.append(Finding(self.line(node), rule, text))

    def left(self, node: cst.CSTNode, text: str) -> None:
        """Note what stays as it is, without harm to the rest."""
        self.plan.notes.append(Finding(self.line(node), "left", f"{self.source.code_of(node)}: {text}"))

    def stands_against(self, node: cst.CSTNode, why: str) -> None:
        """Something for which the view has to stay ``def``."""
        self.plan.obstacles.append(Finding(self.line(node), "left", f"{self.source.code_of(node)}: {why}"))

    def uses(self, *imports: Import) -> bool:
        """Ask for imports. False if the file means something else by one of the names."""
        for wanted in imports:
            name = wanted.alias or wanted.name or wanted.module.partition(".")[0]
            full = f"{wanted.module}.{wanted.name}" if wanted.name else wanted.module.partition(".")[0]
            if not (self.naming.is_free(name) or self.naming.means(name, full)):
                return False
        self.plan.imports.update(imports)
        return True

    def free_name(self, name: str) -> str:
        """``name``, with a number if the function has it already."""
        number = 1
        candidate = name
        while candidate in self._taken or uses_of(self.function.node, candidate):
            number += 1
            candidate = f"{name}_{number}"
        self._taken.add(candidate)
        return candidate

    def block(self, *statements: cst.BaseStatement) -> cst.IndentedBlock:
        """Statements, indented as those of the function are."""
        body = self.function.node.body
        return cst.IndentedBlock(statements, indent=body.indent if isinstance(body, cst.IndentedBlock) else None)

    def await_call(self, call: cst.Call, change: Callable[[Any], Any] = lambda updated: updated) -> None:
        """Have a call awaited that the judge knows nothing of: a method of an asynchronous twin.

        Args:
            call: The call.
            change: Makes the call that is awaited from the one that stands there.
        """
        self.twins[call] = change

    def uses_thread(self, node: cst.CSTNode, why: str) -> bool:
        """Whether ``node`` may be sent to the thread; if not, that is an obstacle."""
        if not self._has_thread:
            self.stands_against(node, f"{why}, and the rule thread is left out")
            return False
        if not self.uses(Import("aeros_compat", "sync_to_async")):
            self.stands_against(node, "it needs sync_to_async, a name that means something else in this file")
            return False
        return True

    def apply_call_rules(self, call: cst.Call) -> bool:
        """Whether a rule has planned a call that would wait."""
        return any(self._asked(rule, rule.call, call) for rule in self._rules)

    def _asked(self, rule: Rule, plans: CallRule | StatementRule | None, node: Any) -> bool:
        """Whether a rule has planned a call or a statement; if it says why not, that is noted."""
        why = plans(self, node) if plans is not None else ""
        if why is None:
            self.plan.packages.update(rule.packages)
        elif why:
            self.plan.notes.append(Finding(self.line(node), f"not {rule.name}", why))
        return why is None

    def plan_body(self, body: cst.BaseSuite) -> None:
        """Plan statements, one after the other."""
        for statement in body.body:
            if isinstance(statement, cst.BaseSmallStatement):
                self._plan_small(statement)  # on the line of its "if": no room for a block
            else:
                self._plan_statement(statement)

    def plan_line(self, line: cst.SimpleStatementLine) -> None:
        """Plan a line of simple statements."""
        stores = [target for part in line.body for target in _targets(part)]
        if any(self.judge.pieces(target) for target in stores):
            self._plan_block(line, "what it sets may wait, or belong to the thread")
            return
        for part in line.body:
            if why := why_statement(self.judge, part):
                self._plan_block(line, why)
                return
        for part in line.body:
            self._plan_small(part)

    # The function.

    def _plan_function(self) -> None:
        node = self.function.node
        if is_generator(node):
            self.stands_against(node, "it is a generator; what it yields is streamed from its thread")
            return
        self.plan.edit(node, to_async)
        self.plan_body(node.body)
        plan_blocks(self, self._blocks)

    def _plan_statement(self, statement: cst.CSTNode) -> None:
        if any(self._asked(rule, rule.statement, statement) for rule in self._rules):
            return
        if isinstance(statement, cst.SimpleStatementLine):
            self.plan_line(statement)
        elif isinstance(statement, cst.For):
            self._plan_for(statement)
        elif isinstance(statement, cst.With):
            self._plan_with(statement)
        elif isinstance(statement, cst.FunctionDef):
            self._plan_inner_function(statement)
        elif isinstance(statement, cst.ClassDef):
            for child in statement.children:
                for piece in self.judge.pieces(child):
                    self.stands_against(piece.node, f"{piece.why}; and it is part of a class")
        else:
            self._plan_parts(statement)

    def _plan_parts(self, statement: cst.CSTNode) -> None:
        """``if``, ``while``, ``try``, ``match``: expressions on top, statements below."""
        for child in statement.children:
            if isinstance(child, cst.BaseSuite):
                self.plan_body(child)
            elif isinstance(child, cst.BaseExpression):
                plan_expression(self, child)
            elif isinstance(child, cst.BaseStatement):
                self._plan_statement(child)
            else:
                self._plan_parts(child)

    def _plan_small(self, part: cst.BaseSmallStatement) -> None:
        if isinstance(part, _NOTHING_TO_DO):
            return
        for target in _targets(part):
            for piece in self.judge.pieces(target):
                self.stands_against(piece.node, piece.why)
        value = getattr(part, "value", None)
        if isinstance(part, cst.Assert | cst.Raise):
            for child in part.children:
                if isinstance(child, cst.BaseExpression):
                    plan_expression(self, child)
                elif isinstance(child, cst.From):
                    plan_expression(self, child.item)
        elif value is not None:
            plan_expression(self, value)

    def _plan_for(self, loop: cst.For) -> None:
        if why := self.judge.why_iterating(loop.iter):
            self._plan_block(loop, why)
            return
        plan_expression(self, loop.iter)
        self.plan_body(loop.body)
        if loop.orelse is not None:
            self.plan_body(loop.orelse.body)

    def _plan_with(self, statement: cst.With) -> None:
        for item in statement.items:
            if why := self.judge.why_manager(item.item):
                self._plan_block(statement, why)
                return
        for item in statement.items:
            plan_expression(self, item.item)
        self.plan_body(statement.body)

    def _plan_inner_function(self, function: cst.FunctionDef) -> None:
        """It stays: it runs where it is called. What is evaluated where it stands must not wait."""
        for decorator in function.decorators:
            name = self.naming.imported(decorator.decorator)
            called = self.naming.imported(getattr(decorator.decorator, "func", decorator.decorator))
            if name != "flask.after_this_request" and called != "functools.wraps":
                self.stands_against(decorator, "nothing is known of a decorator that is applied in each request")
        for piece in self.judge.pieces(function.params):
            self.stands_against(piece.node, piece.why)

    def _plan_block(self, statement: cst.CSTNode, why: str) -> None:
        if not self._has_block:
            self.stands_against(statement, f"{why}, and the rule block is left out")
        elif self.uses_thread(statement, why):
            self._blocks[statement] = why

    def look_for_streams(self, node: cst.CSTNode) -> None:
        """Streams that need the thread on which they began are obstacles wherever they stand."""
        if isinstance(node, cst.Call) and (why := STREAMS.get(self.naming.imported(node.func) or "")):
            self.stands_against(node, why)
        for child in node.children:
            self.look_for_streams(child)


def _targets(part: cst.BaseSmallStatement) -> list[cst.BaseExpression]:
    if isinstance(part, cst.Assign):
        return [target.target for target in part.targets]
    return [part.target] if isinstance(part, cst.AugAssign | cst.AnnAssign | cst.Del) else []
