"""Two instances behind nginx share what has to be shared, by configuration alone."""

from __future__ import annotations

import json
import signal
import ssl
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import redis
from websockets.sync.client import connect

from ..programs import running
from ..redis_server import redis_server
from ..servers import free_port, served, wait_for
from .application import create_app
from .nginx import nginx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..programs import Program

ROOT = Path(__file__).parents[2]
LANES = pytest.mark.parametrize("lane", ["sync", "async"])


@dataclass
class Cluster:
    """nginx, and behind it two instances in processes of their own."""

    folder: Path
    redis_url: str
    stack: ExitStack
    ports: list[int] = field(default_factory=lambda: [free_port(), free_port()])
    url: str = ""
    #: The instance that a test may kill.
    killed: Program = field(init=False)

    def start(self, name: str) -> Program:
        port = self.ports["ab".index(name)]
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        variables = {"INSTANCE": name, "REDIS_URL": self.redis_url, "FLASK_SECRET_KEY": "of both"}
        command = ("-m", "aeros_compat", "run", "tests.beyond.application:create_app", "--port", str(port))
        program = running(*command, port=port, cwd=folder, PYTHONPATH=str(ROOT), **variables)
        return self.stack.enter_context(program)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, verify=False, timeout=20, trust_env=False)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as server:
        yield server.url


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Cluster]:
    with ExitStack() as stack:
        cluster = Cluster(tmp_path_factory.mktemp("cluster"), redis_url, stack)
        cluster.killed = cluster.start("a")
        cluster.start("b")
        cluster.url = stack.enter_context(nginx(cluster.folder, cluster.ports))
        yield cluster


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Iterator[Callable[..., str]]:
    """Starts an instance with variables of the environment on a server in this process; gives its base URL."""
    with ExitStack() as stack:

        def start(name: str, **variables: str) -> str:
            with monkeypatch.context() as environment:
                for variable, value in {"INSTANCE": name, "REDIS_URL": redis_url, **variables}.items():
                    environment.setenv(variable, value)
                return stack.enter_context(served(create_app()))

        yield start


def answers_of_both(client: httpx.Client, path: str) -> list[httpx.Response]:
    """Answers to one request after the other, until both instances have given some."""
    answers: list[httpx.Response] = []
    while {answer.headers.get("X-Instance") for answer in answers} != {"a", "b"}:
        assert len(answers) < 50, "only one instance answers"
        answers.append(client.get(path))
    return answers


@LANES
def test_log_in_at_one_and_be_known_at_the_other(cluster: Cluster, lane: str) -> None:
    with cluster.client() as client:
        client.post(f"/{lane}/login", data={"user": "ada"}).raise_for_status()
        assert {answer.text for answer in answers_of_both(client, f"/{lane}/user")} == {"ada"}
    with cluster.client() as somebody_else:
        assert {answer.text for answer in answers_of_both(somebody_else, f"/{lane}/user")} == {"None"}


@LANES
def test_what_one_has_computed_is_the_others(cluster: Cluster, lane: str) -> None:
    with cluster.client() as client:
        assert {answer.text for answer in answers_of_both(client, f"/{lane}/cached")} == {"1"}


@LANES
def test_requests_are_counted_together(cluster: Cluster, lane: str) -> None:
    with cluster.client() as client:
        answers = [client.get(f"/{lane}/limited") for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert {answer.headers["X-Instance"] for answer in answers} == {"a", "b"}


@LANES
def test_client_scheme_and_host_come_through_the_proxy(cluster: Cluster, lane: str) -> None:
    """And what a client claims about itself does not."""
    claims = {
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Proto": "ftp",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/evil",
        "X_Forwarded_For": "10.0.0.2",
    }
    link = "https://app.example/size"
    for http2 in (False, True):
        transport = httpx.HTTPTransport(verify=False, local_address="127.0.0.2", http2=http2)
        with httpx.Client(transport=transport, base_url=cluster.url) as client:
            answer = client.get(f"/{lane}/seen", headers={"Host": "app.example", **claims})
        assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        assert answer.json() == {"client": "127.0.0.2", "host": "app.example", "link": link, "root": ""}


def test_bodies_streams_and_websockets_come_through_the_proxy(cluster: Cluster, redis_url: str) -> None:
    with cluster.client() as client:
        assert client.post("/size", content=b"x" * 15_000_000).text == "15000000"
        assert client.post("/size", content=b"x" * 17_000_000).status_code == 413
        with client.stream("GET", "/events") as events:
            lines = events.iter_lines()
            assert next(lines) == "data: first"
            with redis.from_url(redis_url) as store:
                store.set("first event has arrived", 1)
            assert "data: second" in list(lines)
    with connect(cluster.url.replace("http", "ws") + "/echo", ssl=ssl._create_unverified_context()) as websocket:
        websocket.send("hello")
        assert websocket.recv(timeout=10) == "hello"


def test_no_get_fails_when_an_instance_is_killed_under_load(cluster: Cluster) -> None:
    answers: list[httpx.Response] = []

    def ask(lane: str) -> None:
        with cluster.client() as client:
            for _ in range(80):
                answers.append(client.get(f"/{lane}/work"))

    clients = [threading.Thread(target=ask, args=(lane,)) for lane in ["sync", "async"] * 3]
    for thread in clients:
        thread.start()
    wait_for(lambda: len(answers) > 100)
    cluster.killed.process.send_signal(signal.SIGKILL)
    for thread in clients:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 480
    assert {answer.headers["X-Instance"] for answer in answers[:100]} == {"a", "b"}
    assert {answer.headers["X-Instance"] for answer in answers[-60:]} == {"b"}
    cluster.killed = cluster.start("a")
    with cluster.client() as client:
        wait_for(lambda: client.get("/sync/work").headers["X-Instance"] == "a")


@LANES
def test_sessions_in_redis(instance: Callable[..., str], redis_url: str, lane: str) -> None:
    """Flask-Session: the cookie is only a number, and what it stands for is found by both."""
    first, second = (instance(name, FLASK_SESSION_TYPE="redis") for name in "ab")
    with httpx.Client(trust_env=False) as client:
        client.post(f"{first}/{lane}/login", data={"user": "ada"}).raise_for_status()
        assert client.get(f"{second}/{lane}/user").text == "ada"
        with redis.from_url(redis_url) as store:
            assert store.exists(f"session:{client.cookies['session']}")


@LANES
def test_a_new_secret_key_logs_nobody_out(instance: Callable[..., str], lane: str) -> None:
    """While one instance has the new key already and the other one has the old, each knows both."""
    first = instance("a", FLASK_SECRET_KEY="old", FLASK_SECRET_KEY_FALLBACKS=json.dumps(["new"]))
    second = instance("b", FLASK_SECRET_KEY="new", FLASK_SECRET_KEY_FALLBACKS=json.dumps(["old"]))
    for login, other in ((first, second), (second, first)):
        with httpx.Client(trust_env=False) as client:
            client.post(f"{login}/{lane}/login", data={"user": "ada"}).raise_for_status()
            assert client.get(f"{other}/{lane}/user").text == "ada"
