"""What counts as a difference."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from aeros_compat.parity.comparison import Reference, measured_headers
from aeros_compat.parity.database import Databases, differing_rows, unstable_columns
from aeros_compat.parity.outcome import Outcome

if TYPE_CHECKING:
    from pathlib import Path


def outcome(body: str = "", *headers: tuple[str, str], status: int = 200, **more: Any) -> Outcome:
    return Outcome(status, headers, body.encode(), **more)


def parts(runs: list[Outcome], found: Outcome) -> list[str]:
    return [difference.part for difference in Reference(runs).differences(found)]


def test_same() -> None:
    one = outcome("text", ("Content-Type", "text/plain"), ("Date", "1"), ("Server", "a"))
    other = outcome("text", ("content-type", "text/plain"), ("date", "2"), ("vary", "Accept-Encoding"))
    assert parts([one, one], other) == []


def test_each_part_that_differs() -> None:
    flask = outcome("text", ("X-Own", "1"), ("Set-Cookie", "a=1"), hooks=("before_request one",))
    assert parts([flask, flask], flask) == []
    assert parts([flask, flask], outcome("test", *flask.headers, hooks=flask.hooks)) == ["body"]
    assert parts([flask, flask], outcome("text", *flask.headers, hooks=flask.hooks, status=500)) == ["status"]
    assert parts([flask, flask], outcome("text", *flask.headers)) == ["hooks"]
    assert parts([flask, flask], outcome("text", ("X-Own", "2"), hooks=flask.hooks)) == ["header x-own", "cookies"]
    more = outcome("text", *flask.headers, ("X-More", "1"), hooks=flask.hooks)
    assert parts([flask, flask], more) == ["header x-more"]
    twice = outcome("text", *flask.headers, ("Set-Cookie", "a=1"), hooks=flask.hooks)
    assert parts([flask, flask], twice) == ["cookies"]


def test_order_of_hooks() -> None:
    flask, ours = outcome(hooks=("a", "b")), outcome(hooks=("b", "a"))
    assert parts([flask, flask], ours) == ["hooks"]


def test_what_varies_on_flask_is_compared_around_it() -> None:
    runs = [outcome('{"time": 17, "token": "ab-c", "n": 1}'), outcome('{"time": 18, "token": "x_yz", "n": 1}')]
    assert parts(runs, outcome('{"time": 19, "token": "q", "n": 1}')) == []
    assert parts(runs, outcome('{"time": 19, "token": "q", "n": 2}')) == ["body"]
    assert Reference(runs).unstable == ["body"]


def test_what_varies_in_length_is_compared_at_both_ends() -> None:
    runs = [outcome("begin 1 2 end"), outcome("begin 3 4 5 end")]
    assert parts(runs, outcome("begin 9 9 9 9 end")) == []
    assert parts(runs, outcome("begin 9 9 9 9 fine")) == ["body"]
    assert parts(runs, outcome("began 1 2 end")) == ["body"]


def test_length_of_a_body_that_varies() -> None:
    head = Reference([outcome("", ("Content-Length", "76"))] * 2)
    assert head.differences(outcome("", ("Content-Length", "75"))) != []
    assert head.differences(outcome("", ("Content-Length", "75")), of_any_length=True) == []


def test_a_header_that_comes_and_goes_on_flask() -> None:
    runs = [outcome("", ("X-Own", "1")), outcome()]
    assert parts(runs, outcome()) == []
    assert parts(runs, outcome("", ("X-Own", "2"))) == ["header x-own"]


def test_failures() -> None:
    flask = Outcome(500, (), b"the page of a server", failure="KeyError: 'a'")
    assert parts([flask, flask], Outcome(500, (), b"another page", failure="KeyError: 'a'")) == []
    assert parts([flask, flask], Outcome(500, failure="KeyError: 'b'")) == ["failure"]
    broken = Outcome(failure="the connection broke: BadStatusLine")
    assert parts([broken, broken], flask) == []
    assert parts([flask, flask], broken) == ["failure"]
    assert "failure" in parts([flask, flask], outcome("answered"))
    assert "failure" in parts([outcome("answered")] * 2, flask)


def test_compressed_bodies_are_compared_as_they_were() -> None:
    body = gzip.compress(b"text")
    headers = (("Content-Encoding", "gzip"), ("Content-Length", str(len(body))), ("ETag", '"x:gzip"'))
    plain = outcome("text", ("Content-Length", "4"), ("ETag", '"x"'))
    ours = Outcome(200, headers, body)
    assert parts([plain, plain], ours) == []
    assert Outcome(200, (("Content-Encoding", "gzip"),), b"broken").parts()["body"] == "broken"


def test_endless_bodies_are_compared_as_far_as_they_came() -> None:
    runs = [outcome("tick tick ", is_complete=False), outcome("tick ", is_complete=False)]
    assert parts(runs, outcome("tick tick tick", is_complete=False)) == []
    assert parts(runs, outcome("tack", is_complete=False)) == ["body"]


def test_outcomes_survive_json() -> None:
    one = outcome("ü", ("A", "b"), hooks=("x",), failure="no")
    assert Outcome.from_json(one.to_json()) == one


def fill(path: Path, *rows: tuple[str, float]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (name, at)")
        connection.executemany("INSERT INTO orders VALUES (?, ?)", rows)


def test_databases_are_put_back(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    fill(old, ("first", 1))
    (tmp_path / "copies").mkdir()
    databases = Databases([old, new], tmp_path / "copies")
    fill(old, ("second", 2))
    fill(new, ("third", 3))
    assert [len(rows) for rows in databases.tables().values()] == [2, 1]
    databases.put_back()
    assert databases.tables() == {"old.db: orders": [{"name": "'first'", "at": "1"}]}
    assert not new.exists()


def test_rows_are_compared_without_what_varies(tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()

    def tables(*rows: tuple[str, float]) -> Any:
        path = tmp_path / "shop.db"
        path.unlink(missing_ok=True)
        fill(path, *rows)
        return Databases([path], copies).tables()

    runs = [tables(("a", 1), ("b", 2)), tables(("a", 3), ("b", 4))]
    varying = unstable_columns(runs)
    assert varying == {("shop.db: orders", "at")}
    assert differing_rows(runs[0], tables(("b", 5), ("a", 6)), varying) == {}
    found = differing_rows(runs[0], tables(("a", 5), ("a", 6)), varying)
    assert found == {"shop.db: orders": ("name='b'", "name='a'")}
    assert "shop.db: orders" in differing_rows(runs[0], {}, varying)


def test_a_measured_time_may_be_the_same_by_chance() -> None:
    """Of a header that varies for most requests, numbers are not compared for the others either; the rest is."""

    def timed(text: str) -> Outcome:
        return outcome("text", ("Server-Timing", f"app;dur={text}"), ("Content-Length", "4"))

    varying, chance = [timed("0.4"), timed("12.3")], [timed("0.4"), timed("0.4")]
    references = [Reference(varying), Reference(varying), Reference(chance)]
    measured = measured_headers(references)
    assert measured == {"header server-timing"}
    assert references[2].differences(timed("0.8"), measured=measured) == []
    (difference,) = references[2].differences(timed("none"), measured=measured)
    assert difference.part == "header server-timing"
    assert measured_headers([Reference(varying), Reference(chance), Reference(chance)]) == set()
