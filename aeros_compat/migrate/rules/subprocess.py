"""``subprocess.run([…])`` and ``check_output([…])`` become ``await anyio.run_process([…])``.

anyio gives the same ``CompletedProcess``, raises the same ``CalledProcessError``, and ends the process when the request
is cancelled. It gives bytes; so ``text=True`` and its kin are left to the thread, as are ``timeout`` (anyio has another
exception), ``input``, and commands that are not a list, which anyio would hand to a shell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from ..expressions import awaited
from ..imports import Import
from ..rule import Rule

if TYPE_CHECKING:
    from ..view import View

#: Arguments that mean the same to both.
_SAME = ("check", "cwd", "env", "start_new_session", "stdin", "stdout", "stderr")
_CALLS = ("subprocess.run", "subprocess.check_output", "subprocess.check_call")


def _call(view: View, call: cst.Call) -> str | None:
    name = view.naming.imported(call.func)
    if name is None or not name.startswith("subprocess."):
        return ""
    if name not in _CALLS:
        return f"{name}() has no counterpart here that is known to be equal"
    given = {arg.keyword.value: arg.value for arg in call.args if arg.keyword is not None}
    command = call.args[0].value if call.args and not call.args[0].keyword and not call.args[0].star else None
    if not isinstance(command, cst.List | cst.Tuple) or len(given) != len(call.args) - 1:
        return f"{name}() is only known to be equal with a list for the command, and names for all else"
    captures = _is_true(given.pop("capture_output", None))
    unknown = [each for each in given if each not in _SAME or (each == "check" and name != "subprocess.run")]
    if captures is None or unknown:
        return f"{name}() with {', '.join(unknown) or 'capture_output'} has no counterpart that is known to be equal"
    if not view.uses(Import("anyio")):
        return "the name anyio means something else in this file"
    result = "" if name == "subprocess.run" else ".stdout" if name.endswith("output") else ".returncode"
    options = _options(name, captures, given)
    view.plan.edit(call, lambda updated: _edited(view, call, updated, options, result))
    view.done(call, RULE.name, f"{view.source.code_of(call)} → await anyio.run_process(…){result}")
    return None


def _is_true(value: cst.BaseExpression | None) -> bool | None:
    """What a flag says; None if that cannot be told."""
    if value is None:
        return False
    return {"True": True, "False": False}.get(value.value) if isinstance(value, cst.Name) else None


def _options(name: str, captures: bool, given: dict[str, cst.BaseExpression]) -> dict[str, str]:
    """Where the defaults differ: anyio checks, and captures both streams."""
    options = {}
    if "check" not in given and name == "subprocess.run":
        options["check"] = "False"
    if "stdout" not in given and not captures and name != "subprocess.check_output":
        options["stdout"] = "None"
    if "stderr" not in given and not captures:
        options["stderr"] = "None"
    return options


def _edited(view: View, call: cst.Call, updated: cst.Call, options: dict[str, str], result: str) -> cst.BaseExpression:
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    kept = [arg for arg in updated.args if arg.keyword is None or arg.keyword.value != "capture_output"]
    added = [cst.Arg(cst.Name(value), cst.Name(name), equal) for name, value in options.items()]
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    *first, last = [*kept[:-1], *(arg.with_changes(comma=comma) for arg in (kept[-1], *added))]
    args = [*first, last.with_changes(comma=updated.args[-1].comma)]
    process = updated.with_changes(func=cst.parse_expression("anyio.run_process"), args=args)
    if not result:
        return awaited(view, call, process)
    inner = cst.Await(process.with_changes(lpar=[], rpar=[]), lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.Attribute(inner, cst.Name(result[1:]), lpar=process.lpar, rpar=process.rpar)


RULE = Rule("subprocess", "subprocess.run, check_output, check_call → anyio.run_process", ("anyio",), call=_call)
