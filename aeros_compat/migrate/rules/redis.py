"""``with redis.Redis(…) as r:`` becomes ``async with redis.asyncio.Redis(…) as r:``, and its commands are awaited.

The two clients of redis-py take the same arguments and have the same commands. One that lives longer than the ``with``
statement, as a global does, may be used by sync code, and its asynchronous twin belongs to an event loop: it is left to
the thread. So are pipelines, locks, subscriptions and scans, which are other objects there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from ..imports import Import
from ..rule import Rule
from ..uses import awaited_methods, named_manager

if TYPE_CHECKING:
    from ..view import View

_COMMANDS = frozenset((
    "append", "decr", "decrby", "delete", "dbsize", "echo", "exists", "expire", "expireat", "expiretime", "get",
    "getdel", "getex", "getrange", "getset", "hdel", "hexists", "hget", "hgetall", "hincrby", "hincrbyfloat", "hkeys",
    "hlen", "hmget", "hset", "hsetnx", "hvals", "incr", "incrby", "incrbyfloat", "keys", "lindex", "linsert", "llen",
    "lpop", "lpush", "lpushx", "lrange", "lrem", "lset", "ltrim", "mget", "mset", "msetnx", "persist", "pexpire",
    "ping", "psetex", "pttl", "publish", "rename", "renamenx", "rpop", "rpoplpush", "rpush", "rpushx", "sadd",
    "scard", "sdiff", "set", "setex", "setnx", "setrange", "sinter", "sismember", "smembers", "smove", "spop",
    "srandmember", "srem", "strlen", "sunion", "touch", "ttl", "type", "unlink", "zadd", "zcard", "zcount", "zincrby",
    "zrange", "zrangebyscore", "zrank", "zrem", "zrevrange", "zrevrank", "zscore",
))  # fmt: skip
_CLIENTS = ("redis.Redis", "redis.StrictRedis", "redis.client.Redis")


def _statement(view: View, statement: cst.CSTNode) -> str | None:
    found = named_manager(view, statement, _CLIENTS)
    if found is None:
        return ""
    made, name = found
    statement = cst.ensure_type(statement, cst.With)
    calls = awaited_methods(view, statement, name, _COMMANDS)
    if isinstance(calls, str):
        return calls
    if any(view.judge.pieces(arg.value) or _is_of_sync_client(arg) for arg in made.args):
        return "what the client is made of may wait, or belong to a sync client"
    alias = "async_redis"
    if not view.uses(Import("redis", "asyncio", alias)):
        return f"the name {alias} means something else in this file"
    func = cst.parse_expression(f"{alias}.Redis")
    view.plan.edit(made, lambda call: call.with_changes(func=func))
    view.plan.edit(statement, lambda updated: updated.with_changes(asynchronous=cst.Asynchronous()))
    view.done(statement, RULE.name, f"{view.source.code_of(made)} → async with redis.asyncio.Redis(…)")
    for call in calls:
        view.await_call(call)
    view.plan_body(statement.body)
    return None


def _is_of_sync_client(arg: cst.Arg) -> bool:
    """Arguments by position or ``**``, and objects that exist for each kind of client."""
    simple = ("host", "port", "db", "username", "password", "decode_responses", "encoding", "ssl", "client_name")
    return arg.keyword is None or arg.keyword.value not in (*simple, "socket_timeout", "socket_connect_timeout")


RULE = Rule("redis", "with redis.Redis(…) → redis.asyncio.Redis", ("redis",), statement=_statement)
