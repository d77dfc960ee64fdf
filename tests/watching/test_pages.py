"""The page, JSON and Prometheus text: what they say, and to whom."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from aeros_compat import WebServer
from aeros_compat.watching.chart import bars, saturation_chart
from aeros_compat.watching.history import Sample

from ..servers import free_port, process, served, wait_for

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/ops/lanes"


def watched(**options: Any) -> WebServer:
    app = WebServer("tests.pages", watch=PATH, **options)
    app.add_url_rule('/odd/"\\/<name>', view_func=lambda name: name, endpoint="odd")
    app.add_url_rule("/x", view_func=lambda: "ok", endpoint="x")
    return app


def metrics_of(text: str) -> dict[str, list[Any]]:
    return {family.name: list(family.samples) for family in text_string_to_metric_families(text)}


def test_prometheus_text_is_read_by_its_parser() -> None:
    app = watched()
    client = app.test_client()
    client.get('/odd/"\\/a')
    client.get("/x")
    client.get("/x")
    wait_for(lambda: sum(route.requests for route in app.lane_stats().routes) == 3)
    answer = client.get(f"{PATH}.prom")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    metrics = metrics_of(answer.text)
    counts = {sample.labels["rule"]: sample.value for sample in metrics["aeros_requests"]}
    assert counts['/odd/"\\/<name>'] == 1
    assert counts["/x"] == 2
    assert [sample.value for sample in metrics["aeros_worker_threads"]] == [8]


def test_histograms_of_prometheus_add_up() -> None:
    app = watched()
    client = app.test_client()
    for _ in range(5):
        client.get("/x")
    wait_for(lambda: sum(route.requests for route in app.lane_stats().routes) == 5)
    samples = [
        sample
        for sample in metrics_of(client.get(f"{PATH}.prom").text)["aeros_view_seconds"]
        if sample.labels["rule"] == "/x"
    ]
    buckets = [sample.value for sample in samples if sample.name.endswith("_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 5 == next(sample.value for sample in samples if sample.name.endswith("_count"))
    assert [sample.labels["le"] for sample in samples if sample.name.endswith("_bucket")][-1] == "+Inf"


def test_json() -> None:
    app = watched()
    answer = app.test_client().get(f"{PATH}.json").json
    assert answer is not None
    assert answer["name"] == "tests.pages"
    assert answer["watched"] is True


@pytest.mark.parametrize("suffix", ["", ".json", ".prom", ".css", ".js"])
def test_headers_keep_it_private(suffix: str) -> None:
    headers = watched().test_client().get(PATH + suffix).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_names_are_escaped() -> None:
    app = WebServer("<script>alert(1)</script>", watch=PATH, root_path="/")
    app.add_url_rule("/<path:x>/<script>", view_func=lambda **values: "", endpoint="x")
    text = app.test_client().get(PATH).text
    assert "<script>alert" not in text
    assert text.count("<script") == 1  # the page's own


def test_a_login_of_the_application_stands_in_front() -> None:
    app = watched()
    app.before_request(lambda: ("log in", 401))
    client = app.test_client()
    for suffix in ("", ".json", ".prom"):
        assert client.get(PATH + suffix).status_code == 401


def test_without_a_path_there_is_no_page() -> None:
    client = WebServer("tests.pages", watch=True).test_client()
    assert client.get("/_aeros/lanes").status_code == 404


def test_it_answers_while_all_threads_are_busy() -> None:
    app = watched(worker_threads=1)
    go_on = threading.Event()
    app.add_url_rule("/stuck", view_func=lambda: (go_on.wait(30) and "ok") or "late", endpoint="stuck")
    with served(app) as url:
        stuck = threading.Thread(target=httpx.get, args=(f"{url}/stuck",), kwargs={"timeout": 40})
        stuck.start()
        wait_for(lambda: app.lane_stats().threads.busy == 1)
        assert httpx.get(url + PATH, timeout=10).status_code == 200
        go_on.set()
        stuck.join()


@pytest.mark.parametrize("path", ["lanes", "/lanes/", "/", "/<x>", "/a?b", "/a b\n"])
def test_a_path_that_cannot_be(path: str) -> None:
    with pytest.raises(ValueError, match="begins with a slash"):
        WebServer("tests.pages", watch=path)


def test_a_setting_of_a_wrong_type() -> None:
    with pytest.raises(TypeError, match="watch is True, False or a path"):
        WebServer("tests.pages", watch=5)  # type: ignore[arg-type]


# In debug mode.


def in_debug_mode() -> WebServer:
    app = WebServer("tests.pages")
    app.watch_in_debug_mode()
    return app


@pytest.mark.parametrize(
    ("address", "host", "status"),
    [
        ("127.0.0.1", "localhost:5000", 200),
        ("127.0.0.1", "127.0.0.1:5000", 200),
        ("::1", "[::1]:5000", 200),
        ("192.0.2.7", "localhost:5000", 404),
        ("127.0.0.1", "attacker.example:5000", 404),  # DNS rebinding
        ("192.0.2.7", "attacker.example", 404),
    ],
)
def test_in_debug_mode_it_is_for_this_machine(address: str, host: str, status: int) -> None:
    client = in_debug_mode().test_client()
    for suffix in ("", ".json", ".prom"):
        answer = client.get(f"/_aeros/lanes{suffix}", environ_base={"REMOTE_ADDR": address}, headers={"Host": host})
        assert answer.status_code == status


def test_a_constructor_that_says_no_is_obeyed_in_debug_mode() -> None:
    app = WebServer("tests.pages", watch=False)
    app.watch_in_debug_mode()
    assert app.watch is None
    assert app.test_client().get("/_aeros/lanes").status_code == 404


@pytest.mark.parametrize(("debug", "status"), [(True, 200), (False, 404)])
def test_run_shows_it_in_debug_mode_only(tmp_path: Path, debug: bool, status: int) -> None:
    port = free_port()
    (tmp_path / "module.py").write_text(
        "from aeros_compat import WebServer\napp = WebServer(__name__)\n"
        f"if __name__ == '__main__':\n    app.run(port={port}, debug={debug}, use_reloader=False)\n"
    )
    with process("module", port=port, cwd=tmp_path) as url:
        assert httpx.get(f"{url}/_aeros/lanes").status_code == status


# The charts.


def sample(at: float, saturation: float, **more: Any) -> Sample:
    return Sample(at, saturation, **{"waiting": 0, "leases": 0, "loop_delay": 0.0, **more})


def test_a_chart_without_samples() -> None:
    chart = saturation_chart([])
    assert (chart.areas, chart.waits, chart.blocks) == ((), (), ())
    assert "No second" in chart.text


def test_a_pause_is_a_gap_in_the_chart() -> None:
    chart = saturation_chart([sample(0, 0.0), sample(100, 0.5), sample(101, 1.0), sample(500, 0.0)])
    assert chart.span == 600
    assert len(chart.areas) == len(chart.lines) == 3
    assert chart.lines[1] == "M199.0,60.0L200.0,60.0L201.0,0.0"


def test_a_server_that_has_just_begun_has_a_chart_of_a_minute() -> None:
    chart = saturation_chart([sample(100, 0.5), sample(101, 1.0)])
    assert chart.span == 60
    assert chart.lines == ("M580.0,60.0L590.0,60.0L600.0,0.0",)


def test_waits_and_blocks_are_marked() -> None:
    chart = saturation_chart([sample(1, 1, waiting=4), sample(2, 1, waiting=2, loop_delay=0.5)])
    assert [height for _, height in chart.waits] == [40, 20]
    assert chart.blocks == (600,)


def test_no_bar_is_longer_than_the_longest() -> None:
    app = watched()
    app.test_client().get("/x")
    wait_for(lambda: any(route.requests for route in app.lane_stats().routes))
    routes = [route for route in app.lane_stats().routes if route.requests]
    assert max(bar.view + bar.wait for bar in bars(routes)) == pytest.approx(100)
