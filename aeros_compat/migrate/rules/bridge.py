"""``async_to_sync(f)(…)`` and ``asyncio.run(f(…))`` become ``await f(…)``: an async view needs no bridge.

Only a call that is written inside ``asyncio.run()``, alone, is known to make a coroutine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from ..expressions import awaited
from ..rule import Rule

if TYPE_CHECKING:
    from ..view import View

_BRIDGES = ("aeros_compat.async_to_sync", "aeros_compat.misc.async_to_sync", "asgiref.sync.async_to_sync")


def _call(view: View, call: cst.Call) -> str | None:
    if view.naming.imported(call.func) == "asyncio.run":
        inner = call.args[0].value if len(call.args) == 1 and not call.args[0].keyword else None
        if not isinstance(inner, cst.Call):
            return "asyncio.run() is only known to await a call that is written inside it"
        function = view.judge.helper_of(inner)
        if function is None or not function.is_async:
            return "nothing proves that what asyncio.run() is given is a coroutine"
        view.plan.edit(call, lambda updated: awaited(view, call, updated.args[0].value))
    elif isinstance(call.func, cst.Call) and view.naming.imported(call.func.func) in _BRIDGES:
        if len(call.func.args) != 1:
            return "async_to_sync() with options is left as it is"
        view.judge.harmless.add(call.func)
        view.plan.edit(call, lambda updated: awaited(view, call, updated.with_changes(func=updated.func.args[0].value)))
    else:
        return ""
    view.done(call, RULE.name, f"{view.source.code_of(call)} → await …")
    return None


RULE = Rule("bridge", "async_to_sync(f)(…), asyncio.run(f(…)) → await f(…)", call=_call)
