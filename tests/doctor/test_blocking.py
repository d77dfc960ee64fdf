"""Blocking calls: what is found on the event loop, and as many things that look like it and are none."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aeros_compat.doctor.rules import blocking

from .conftest import findings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aeros_compat.doctor.finding import Finding

    from .conftest import Write

GLOBALS = """
session = requests.Session()
engine = sqlalchemy.create_engine("sqlite://")
Scoped = scoped_session(sessionmaker(engine))
store = redis.Redis()
async_store = redis.asyncio.Redis()
pool = concurrent.futures.ThreadPoolExecutor(1)
client = httpx.Client()
async_client = httpx.AsyncClient()
lock = threading.Lock()
jobs = queue.Queue()
async_jobs = asyncio.Queue()
numbers = {"get": 1}

class Mailer:
    def send(self):
        socket.create_connection(("127.0.0.1", 9))

    @property
    def greeting(self):
        time.sleep(1)

    def name(self):
        return "mailer"

mailer = Mailer()

@sync_to_async
def on_a_thread():
    time.sleep(1)

def rows():
    time.sleep(1)
    yield 1

def helper():
    return deeper()

def deeper():
    return requests.get("http://127.0.0.1:9")

def typed(connection: sqlite3.Connection):
    return connection.execute("SELECT 1")

def retried(function):
    @functools.wraps(function)
    async def wrapper(*args, **kwargs):
        time.sleep(1)
        return await function(*args, **kwargs)
    return wrapper

async def plain_async():
    return 1

@retried
async def decorated():
    pass
"""

BLOCKING = {
    "time.sleep(1)": "blocking-sleep",
    "from time import sleep as nap\nnap(1)": "blocking-sleep",
    "requests.get('http://x')": "blocking-http",
    "requests.Session().post('http://x')": "blocking-http",
    "session.get('http://x')": "blocking-http",
    "with requests.Session() as s:\n    s.get('http://x')": "blocking-http",
    "with client as c:\n    c.get('http://x')": "blocking-http",
    "urllib.request.urlopen('http://x')": "blocking-http",
    "httpx.get('http://x')": "blocking-http",
    "subprocess.run(['true'])": "blocking-process",
    "p = subprocess.Popen(['true'])\np.wait()": "blocking-process",
    "os.system('true')": "blocking-process",
    "open('x')": "blocking-file",
    "pathlib.Path('x').read_text()": "blocking-file",
    "(pathlib.Path('x') / 'y').write_bytes(b'')": "blocking-file",
    "shutil.copyfile('a', 'b')": "blocking-file",
    "sqlite3.connect(':memory:')": "blocking-database",
    "db = sqlite3.connect(':memory:')\ndb.execute('SELECT 1').fetchall()": "blocking-database",
    "with engine.connect() as connection:\n    connection.execute('x')": "blocking-database",
    "with Session(engine) as s:\n    s.scalars('x')": "blocking-database",
    "Scoped.execute('x')": "blocking-database",
    "Scoped.query(int).filter(1).all()": "blocking-database",
    "store.get('key')": "blocking-database",
    "pool.submit(len, '').result()": "blocking-wait",
    "future = pool.submit(len, '')\nreturn future.result()": "blocking-wait",
    "concurrent.futures.wait([])": "blocking-wait",
    "with concurrent.futures.ThreadPoolExecutor() as pool:\n    pool.submit(len, '')": "blocking-wait",
    "lock.acquire()": "blocking-wait",
    "jobs.get()": "blocking-wait",
    "threading.Thread(target=len).join()": "blocking-wait",
    "socket.create_connection(('x', 1))": "blocking-network",
    "socket.getaddrinfo('x', 1)": "blocking-network",
    "s = socket.socket()\ns.recv(1)": "blocking-network",
    "async_to_sync(plain_async)()": "loop-in-loop",
    "asyncio.run(plain_async())": "loop-in-loop",
    "input()": "blocking-input",
    "mailer.send()": "blocking-network",
    "Mailer().send()": "blocking-network",
    "mailer.greeting": "blocking-sleep",
    "helper()": "blocking-http",
    "typed(g.db)": "blocking-database",
    "for row in rows():\n    pass": "blocking-sleep",
    "list(rows())": "blocking-sleep",
    "[row for row in rows()]": "blocking-sleep",
    "def inner():\n    time.sleep(1)\ninner()": "blocking-sleep",
    "async def inner():\n    time.sleep(1)\nawait inner()": "blocking-sleep",
    "await asyncio.gather(retried(plain_async)(), decorated())": "blocking-sleep",
}

NOT_BLOCKING = (
    "await asyncio.sleep(1)",
    "sleep = asyncio.sleep\nawait sleep(1)",
    "await asyncio.to_thread(time.sleep, 1)",
    "await sync_to_async(time.sleep)(1)",
    "await asyncio.get_running_loop().run_in_executor(None, time.sleep, 1)",
    "await sync_to_async(lambda: requests.get('http://x'))()",
    "await sync_to_async(helper)()",
    "await on_a_thread()",
    "await asyncio.to_thread(helper)",
    "await async_client.get('http://x')",
    "async with httpx.AsyncClient() as c:\n    await c.get('http://x')",
    "await async_store.get('key')",
    "await async_jobs.get()",
    "numbers.get('get')",
    "g.get('key')",
    "flask.session.get('key')",
    "request.args.get('key')",
    "request.headers.get('key')",
    "{'a': 1}.get('a')",
    "io.StringIO('x').read()",
    "pathlib.Path('x').name",
    "pathlib.PurePath('x') / 'y'",
    "os.path.join('a', 'b')",
    "os.environ.get('x')",
    "time.monotonic()",
    "time.strftime('%Y')",
    "requests.Session()",
    "requests.Request('GET', 'http://x')",
    "urllib.request.Request('http://x')",
    "redis.Redis(host='x')",
    "store.pipeline()",
    "sqlalchemy.create_engine('sqlite://')",
    "sqlalchemy.select(1)",
    "Session",
    "await (await asyncio.create_subprocess_exec('true')).wait()",
    "await asyncio.wait([])",
    "asyncio.get_running_loop().create_future().result()",
    "task = asyncio.create_task(plain_async())\nawait task\ntask.result()",
    "await asyncio.wrap_future(pool.submit(len, ''))",
    "pool.submit(helper)",
    "threading.Thread(target=helper)",
    "''.join(['a'])",
    "os.path.exists('x')",
    "rows()",
    "(row for row in rows())",
    "mailer.name()",
    "def inner():\n    time.sleep(1)\nawait asyncio.to_thread(inner)",
    "async with asyncio.Lock() as lock:\n    pass",
    "lock = asyncio.Lock()\nawait lock.acquire()",
    "time = asyncio\nawait time.sleep(1)",
    "def get(sleep):\n    return sleep\nget(time.sleep)",
)


VIEW = """
@app.get("/{number}")
{kind}def view_{number}():
{body}
"""


def written_as(bodies: Iterable[str], kind: str) -> str:
    """One application with a view for each body."""
    views = (
        VIEW.format(number=number, kind=kind, body=textwrap.indent(body, "    ")) for number, body in enumerate(bodies)
    )
    return GLOBALS + "".join(views)


def found_in(found: list[Finding], number: int) -> set[str]:
    """The rules that have found something in a view."""
    name = f"view_{number}"
    return {finding.rule for finding in found if any(way.split(" ")[0] == name for way in finding.concerns)}


def test_there_are_as_many_that_do_not_block() -> None:
    assert len(NOT_BLOCKING) >= len(BLOCKING)


def test_blocking(write: Write) -> None:
    found = findings(write(written_as(BLOCKING, "async ")), blocking.find)
    missed = {body: rule for number, (body, rule) in enumerate(BLOCKING.items()) if rule not in found_in(found, number)}
    assert missed == {}


def test_the_same_in_sync_views_is_none(write: Write) -> None:
    bodies = [body for body in BLOCKING if "await" not in body]
    assert findings(write(written_as(bodies, "")), blocking.find) == []


def test_not_blocking(write: Write) -> None:
    found = findings(write(written_as(NOT_BLOCKING, "async ")), blocking.find)
    assert {
        NOT_BLOCKING[number]: rules for number in range(len(NOT_BLOCKING)) if (rules := found_in(found, number))
    } == {}


HELPERS = """
def helper():
    return deeper()

def deeper():
    return requests.get("http://x")

"""


def test_place_and_way(write: Write) -> None:
    application = write(HELPERS + "@app.get('/')\nasync def view():\n    return helper()\n")
    (found,) = findings(application, blocking.find)
    assert found.place is not None
    source = Path(found.place.file).read_text().splitlines()
    assert source[found.place.line - 1] == '    return requests.get("http://x")'
    assert found.concerns == ("view > helper > deeper",)
    assert (found.severity, found.message.partition(" on the")[0]) == ("error", "requests.get waits for another server")


def test_one_finding_for_all_that_lead_to_a_call(write: Write) -> None:
    source = HELPERS + "\n".join(
        f"@app.get('/{name}')\nasync def {name}():\n    helper()\n" for name in ("first", "second")
    )
    (found,) = findings(write(source), blocking.find)
    assert found.concerns == ("first > helper > deeper", "second > helper > deeper")


DECORATORS = (
    "before_request",
    "after_request",
    "teardown_request",
    "teardown_appcontext",
    "errorhandler(404)",
    "before_serving",
    "after_serving",
    "before_websocket",
    "context_processor",
    "websocket('/ws')",
)


@pytest.mark.parametrize("kind", ["async ", ""], ids=["async", "sync"])
def test_hooks_and_handlers(write: Write, kind: str) -> None:
    pieces = [
        f"@app.{decorator}\n{kind}def piece_{number}(*args):\n    time.sleep({number})\n"
        for number, decorator in enumerate(DECORATORS)
    ]
    found = findings(write("\n".join(pieces)), blocking.find)
    seen = {way for finding in found for way in finding.concerns}
    names = {decorator.partition("(")[0] for decorator in DECORATORS[:-1]}
    assert len(found) == (len(DECORATORS) if kind else 0)
    assert {way.split(" ")[0] for way in seen} == ({*names, "piece_9"} if kind else set())


CLASSES = """
class Base(MethodView):
    def load(self):
        return requests.get("http://x")

class Item(Base):
    async def get(self):
        return self.load()

    def post(self):
        time.sleep(1)

class Page(View):
    async def dispatch_request(self):
        return self.render()

    def render(self):
        time.sleep(1)

app.add_url_rule("/item", view_func=Item.as_view("item"))
app.add_url_rule("/page", view_func=Page.as_view("page"))
"""


def test_class_based_views(write: Write) -> None:
    found = {finding.concerns: finding.rule for finding in findings(write(CLASSES), blocking.find)}
    assert found == {("item GET > load",): "blocking-http", ("page > render",): "blocking-sleep"}


def test_helpers_in_other_modules_of_the_users(write: Write) -> None:
    source = """
    import shop_helpers

    @app.get("/")
    async def view():
        return shop_helpers.prices.load()
    """
    helpers = """
    import time

    class Prices:
        def load(self):
            time.sleep(1)

    prices = Prices()
    """
    (found,) = findings(write(source, shop_helpers=helpers), blocking.find)
    assert str(found.place) == "shop_helpers.py:6"


def test_code_of_libraries_is_not_followed(write: Write) -> None:
    source = """
    @app.get("/")
    async def view():
        return flask.send_file("x")  # opens it
    """
    assert findings(write(source), blocking.find) == []


SYNC_DECORATOR = """
def audited(view):
    @functools.wraps(view)
    def wrapper(*args, **kwargs):
        time.sleep(1)  # on the request's thread
        return view(*args, **kwargs)
    return wrapper

@app.get("/")
@audited
async def view():
    requests.get("http://x")
"""


def test_of_an_async_view_behind_a_sync_decorator_only_the_view_is_on_the_loop(write: Write) -> None:
    assert [finding.rule for finding in findings(write(SYNC_DECORATOR), blocking.find)] == ["blocking-http"]


def test_recursion_ends(write: Write) -> None:
    source = """
    def first(n):
        return second(n)

    def second(n):
        time.sleep(1)
        return first(n)

    @app.get("/")
    async def view():
        return first(1)
    """
    assert len(findings(write(source), blocking.find)) == 1
