"""``time.sleep(s)`` becomes ``await asyncio.sleep(s)``.

Both wait at least that long and then give nothing. They differ for negative numbers, at which ``time.sleep`` raises
ValueError; so a number that is written there must not be one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from ..expressions import awaited
from ..imports import Import
from ..rule import Rule

if TYPE_CHECKING:
    from ..view import View


def _call(view: View, call: cst.Call) -> str | None:
    if view.naming.imported(call.func) != "time.sleep":
        return ""
    if len(call.args) != 1 or call.args[0].keyword is not None or call.args[0].star:
        return "time.sleep() with other arguments than seconds is a mistake; it stays one"
    if isinstance(call.args[0].value, cst.UnaryOperation):
        return "time.sleep() refuses negative numbers, and asyncio.sleep() does not"
    if not view.uses(Import("asyncio")):
        return "the name asyncio means something else in this file"

    def edit(updated: cst.Call) -> cst.Await:
        return awaited(view, call, updated.with_changes(func=cst.parse_expression("asyncio.sleep")))

    view.plan.edit(call, edit)
    view.done(call, RULE.name, f"{view.source.code_of(call)} → await asyncio.sleep(…)")
    return None


RULE = Rule("sleep", "time.sleep → asyncio.sleep", call=_call)
