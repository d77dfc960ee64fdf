"""What the names of a function, or of a module, are set to."""

from __future__ import annotations

import libcst as cst
from libcst import matchers


class Assignments(cst.CSTVisitor):
    """What each name of a function, or of a module, is set to; None for what cannot be told."""

    def __init__(self, scope: cst.FunctionDef | cst.Module) -> None:
        super().__init__()
        self.values: dict[str, list[cst.BaseExpression | None]] = {}
        self.functions: dict[str, cst.FunctionDef] = {}
        for part in [scope.body] if isinstance(scope, cst.FunctionDef) else scope.body:
            part.visit(self)

    def _set(self, target: cst.CSTNode, value: cst.BaseExpression | None) -> None:
        if isinstance(target, cst.Name):
            self.values.setdefault(target.value, []).append(value)
        elif isinstance(target, cst.Tuple | cst.List):
            for element in target.elements:
                self._set(element.value, None)
        elif isinstance(target, cst.StarredElement):
            self._set(target.value, None)

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            self._set(target.target, node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        if node.value is not None:
            self._set(node.target, node.value)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._set(node.target, node.value)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:
        self._set(node.target, node.value)

    def visit_For(self, node: cst.For) -> None:
        self._set(node.target, None)

    def visit_AsName(self, node: cst.AsName) -> None:
        self._set(node.name, None)

    def visit_ImportAlias(self, node: cst.ImportAlias) -> None:
        self._set(cst.Name((node.evaluated_alias or node.evaluated_name).partition(".")[0]), None)

    def visit_MatchAs(self, node: cst.MatchAs) -> None:
        self._set(node.name or node, None)

    def visit_Global(self, node: cst.Global) -> None:
        for item in node.names:
            self._set(item.name, None)

    def visit_Nonlocal(self, node: cst.Nonlocal) -> None:
        for item in node.names:
            self._set(item.name, None)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self._set(node.name, None)
        self.functions[node.name.value] = node
        for names in matchers.findall(node, matchers.Global() | matchers.Nonlocal()):
            for item in cst.ensure_type(names, cst.Global | cst.Nonlocal).names:  # type: ignore[arg-type]
                self._set(item.name, None)
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        self._set(node.name, None)
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False
