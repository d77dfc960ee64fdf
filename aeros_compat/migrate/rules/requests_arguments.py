"""Which arguments of requests mean the same to httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from ..functions import parameters_of

if TYPE_CHECKING:
    from ..view import View

_TEXT = cst.SimpleString | cst.FormattedString | cst.ConcatenatedString


def changed_arguments(view: View, call: cst.Call, method: str) -> list[cst.Arg] | str:
    """The arguments for httpx; or why they cannot be given."""
    if not call.args or call.args[0].keyword or call.args[0].star:
        return f"requests.{method}() is only known to be equal with its URL as the first argument"
    if any(arg.keyword is None for arg in call.args[1:]):
        return f"requests.{method}() is only known to be equal with names for its other arguments"
    url = call.args[0].value
    if not view.judge.values.is_plain(url):
        return "nothing proves that the URL is text"
    names = {arg.keyword.value for arg in call.args[1:] if arg.keyword}
    if "params" in names and not (isinstance(url, cst.SimpleString) and "?" not in url.value):
        return "the URL may have a query, which params= replaces in httpx and extends in requests"
    changed = [call.args[0]]
    for arg in call.args[1:]:
        new = _changed(view, arg)
        if new is None:
            assert arg.keyword is not None
            return f"requests.{method}(…, {arg.keyword.value}=…) is not known to mean the same to httpx"
        changed.append(new)
    if method == "head" and "allow_redirects" not in names:
        equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
        changed.append(cst.Arg(cst.Name("False"), cst.Name("follow_redirects"), equal))
    return changed


def _changed(view: View, arg: cst.Arg) -> cst.Arg | None:
    assert arg.keyword is not None
    name, value = arg.keyword.value, arg.value
    if name == "json":
        return arg
    if name in ("params", "data", "headers"):
        allows_numbers = name != "headers"
        return arg if _is_dict_of_text(view, value, allows_numbers) else None
    if name == "timeout":
        return _timeout(arg)
    if name == "allow_redirects" and isinstance(value, cst.Name) and value.value in ("True", "False"):
        return arg.with_changes(keyword=cst.Name("follow_redirects"))
    return None


def _timeout(arg: cst.Arg) -> cst.Arg | None:
    """Seconds; or two of them, for connecting and for reading."""
    value = arg.value
    if isinstance(value, cst.Integer | cst.Float) or (isinstance(value, cst.Name) and value.value == "None"):
        return arg
    if not isinstance(value, cst.Tuple) or len(value.elements) != 2:
        return None
    parts = [element.value for element in value.elements]
    if not all(isinstance(part, cst.Integer | cst.Float) for part in parts):
        return None
    connect, read = (part.value for part in parts)  # type: ignore[attr-defined]
    return arg.with_changes(value=cst.parse_expression(f"httpx.Timeout(None, connect={connect}, read={read})"))


def _is_dict_of_text(view: View, node: cst.BaseExpression, allows_numbers: bool) -> bool:
    if not isinstance(node, cst.Dict):
        return False
    return all(
        isinstance(each, cst.DictElement)
        and isinstance(each.key, cst.SimpleString)
        and _is_text(view, each.value, allows_numbers)
        for each in node.elements
    )


def _is_text(view: View, node: cst.BaseExpression, allows_numbers: bool) -> bool:
    """Whether a value is text, or a number where that is allowed; it must not be None, nor a list."""
    if isinstance(node, _TEXT):
        return True
    if isinstance(node, cst.Integer):
        return allows_numbers
    if isinstance(node, cst.Name):
        values = view.judge.values.local.values.get(node.value)
        if values is None:
            return allows_numbers and _is_given_by_url(view, node.value)
        return all(value is not None and _is_text(view, value, allows_numbers) for value in values)
    if isinstance(node, cst.Subscript):
        return (view.naming.imported(node.value) or "") in ("flask.request.args", "flask.request.headers")
    if isinstance(node, cst.Call):
        name = view.naming.imported(node.func)
        if name in ("flask.request.args.get", "flask.request.headers.get"):
            return len(node.args) == 2 and not node.args[1].keyword and isinstance(node.args[1].value, _TEXT)
        return view.naming.builtin(node.func) == "str"
    return False


def _is_given_by_url(view: View, name: str) -> bool:
    """Whether it is an argument of the view's that has no default."""
    given = [param for param in parameters_of(view.function.node) if param.name.value == name]
    return name in view.judge.from_url and given[0].default is None
