"""Calls that make their thread wait: known by name, as in ruff's rules ASYNC210 to ASYNC251, and more of them.

A name is that of the function or of the method as its module has it, where classes are looked up with their bases:
``requests.sessions.Session.*`` stands for every method of a session and of what is derived from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .values import Method, class_named, names_of

if TYPE_CHECKING:
    from .finding import Severity
    from .values import Value


@dataclass(frozen=True)
class Kind:
    """A kind of waiting."""

    rule: str
    severity: Severity
    #: What the thread does meanwhile.
    waits: str
    #: What to write in async code.
    instead: str


_THREAD = "await sync_to_async(function)(…)"

SLEEP = Kind("blocking-sleep", "error", "sleeps", "await asyncio.sleep(…)")
HTTP = Kind("blocking-http", "error", "waits for another server", f"httpx.AsyncClient or aiohttp, or {_THREAD}")
NETWORK = Kind("blocking-network", "error", "waits for the network", f"an asyncio stream or client, or {_THREAD}")
PROCESS = Kind("blocking-process", "error", "waits for a process", "await asyncio.create_subprocess_exec(…)")
DATABASE = Kind(
    "blocking-database",
    "error",
    "waits for a database",
    f"the library's asyncio client where it has one (sqlalchemy.ext.asyncio, redis.asyncio, asyncpg), or {_THREAD}"
    " around the function with all its queries",
)
WAIT = Kind(
    "blocking-wait",
    "error",
    "waits for another thread or process",
    "await asyncio.wrap_future(future), asyncio's own locks and queues, or await sync_to_async(function)(…)",
)
FILE = Kind("blocking-file", "warning", "reads or writes a file", _THREAD)
LOOP = Kind(
    "loop-in-loop",
    "error",
    "starts an event loop inside the running one, which raises RuntimeError",
    "await the coroutine itself",
)
INPUT = Kind("blocking-input", "error", "waits for a person at the terminal", "no input in a server")

_DB_SESSION = (
    "begin commit connection delete execute flush get get_one merge refresh rollback scalar scalars stream_scalars "
    "bulk_save_objects bulk_insert_mappings bulk_update_mappings"
)
_QUERY = "all count delete exists first get get_or_404 first_or_404 one one_or_404 one_or_none paginate scalar update"
_CONNECTION = "execute exec_driver_sql scalar scalars commit rollback begin"
_CURSOR = "execute executemany executescript fetchone fetchall fetchmany commit rollback backup callproc"


def _methods(cls: str, names: str) -> tuple[str, ...]:
    return tuple(f"{cls}.{name}" for name in names.split())


_TABLE: dict[Kind, tuple[str, ...]] = {
    SLEEP: ("time.sleep",),
    HTTP: (
        "requests.api.*",
        "requests.sessions.Session.*",
        "urllib.request.urlopen",
        "urllib.request.urlretrieve",
        *_methods("urllib.request.OpenerDirector", "open"),
        *_methods("urllib3.poolmanager.PoolManager", "request urlopen request_encode_body request_encode_url"),
        *_methods("urllib3.connectionpool.HTTPConnectionPool", "request urlopen"),
        "urllib3.request",
        *_methods("http.client.HTTPConnection", "connect request getresponse endheaders send"),
        *_methods("httpx", "get post put patch delete head options request stream"),
        *_methods("httpx.Client", "get post put patch delete head options request stream send"),
        "botocore.client.BaseClient.*",
    ),
    NETWORK: (
        *_methods("socket", "create_connection getaddrinfo gethostbyname gethostbyname_ex gethostbyaddr getfqdn"),
        *_methods("socket.socket", "accept connect recv recv_into recvfrom recvmsg send sendall sendto sendfile"),
        *_methods("smtplib.SMTP", "connect login sendmail send_message quit starttls"),
        "smtplib.SMTP",
        "smtplib.SMTP_SSL",
        "ftplib.FTP",
        "imaplib.IMAP4",
        *_methods("flask_mail.Mail", "send connect send_message"),
        *_methods("ldap3.core.connection.Connection", "bind search"),
    ),
    PROCESS: (
        *_methods("subprocess", "run call check_call check_output getoutput getstatusoutput Popen"),
        *_methods("subprocess.Popen", "wait communicate"),
        *_methods("os", "system popen wait wait3 wait4 waitpid waitid spawnl spawnv"),
    ),
    DATABASE: (
        "sqlite3.connect",
        *_methods("sqlite3.Connection", _CURSOR),
        *_methods("sqlite3.Cursor", _CURSOR),
        "psycopg2.connect",
        *_methods("psycopg2.extensions.connection", _CURSOR),
        *_methods("psycopg2.extensions.cursor", _CURSOR),
        *_methods("psycopg.Connection", "connect execute commit rollback"),
        *_methods("psycopg.Cursor", _CURSOR),
        "pymysql.connect",
        *_methods("pymysql.connections.Connection", "query commit rollback ping"),
        *_methods("pymysql.cursors.Cursor", _CURSOR),
        "MySQLdb.connect",
        "mysql.connector.connect",
        "pyodbc.connect",
        "oracledb.connect",
        "pymongo.collection.Collection.*",
        "pymongo.synchronous.collection.Collection.*",
        *_methods("sqlalchemy.engine.base.Engine", "connect begin raw_connection dispose"),
        *_methods("sqlalchemy.engine.base.Connection", _CONNECTION),
        *_methods("sqlalchemy.orm.session.Session", _DB_SESSION),
        *_methods("sqlalchemy.orm.scoping.scoped_session", _DB_SESSION),
        *_methods("sqlalchemy.orm.query.Query", _QUERY),
        *_methods("sqlalchemy.sql.schema.MetaData", "create_all drop_all reflect"),
        *_methods(
            "flask_sqlalchemy.extension.SQLAlchemy",
            "create_all drop_all reflect get_or_404 first_or_404 one_or_404 paginate",
        ),
        "redis.client.Redis.*",
        *_methods("redis.client.Pipeline", "execute watch"),
        *_methods("redis.client.PubSub", "get_message listen subscribe"),
        *_methods("redis.lock.Lock", "acquire release"),
        *_methods("peewee.Model", "get get_or_none get_by_id create save delete_instance"),
        *_methods("peewee.Database", "connect execute execute_sql"),
    ),
    WAIT: (
        *_methods("concurrent.futures._base", "wait as_completed"),
        *_methods("concurrent.futures._base.Future", "result exception"),
        *_methods("concurrent.futures._base.Executor", "map shutdown"),
        *_methods("threading.Thread", "join"),
        *_methods("threading.Event", "wait"),
        *_methods("threading.Condition", "wait wait_for acquire"),
        *_methods("threading.Semaphore", "acquire"),
        *_methods("threading.Barrier", "wait"),
        *_methods("thread.lock", "acquire"),
        *_methods("thread.RLock", "acquire"),
        *_methods("queue.Queue", "get put join"),
        *_methods("queue.SimpleQueue", "get"),
        *_methods("multiprocessing.process.BaseProcess", "join"),
        *_methods("multiprocessing.pool.Pool", "map apply starmap join"),
        *_methods("multiprocessing.pool.ApplyResult", "get wait"),
        *_methods("celery.result.AsyncResult", "get wait"),
    ),
    FILE: (
        "io.open",
        *_methods("pathlib.Path", "open read_text read_bytes write_text write_bytes"),
        *_methods("gzip", "open"),
        *_methods("bz2", "open"),
        *_methods("lzma", "open"),
        *_methods("zipfile.ZipFile", "extract extractall read write"),
        "zipfile.ZipFile",
        "tarfile.TarFile.open",
        *_methods("shutil", "copy copy2 copyfile copytree rmtree move make_archive unpack_archive"),
        *_methods("werkzeug.datastructures.file_storage.FileStorage", "save"),
        *_methods("pandas.io.parsers.readers", "read_csv"),
    ),
    LOOP: (
        "asyncio.runners.run",
        "asgiref.sync.AsyncToSync.__call__",
        *_methods("asyncio.base_events.BaseEventLoop", "run_until_complete run_forever"),
    ),
    INPUT: ("builtins.input",),
}

_KINDS = {name: kind for kind, names in _TABLE.items() for name in names}

#: Methods of clients that build something and wait for nothing, although all others do.
_HARMLESS = frozenset(
    {
        "__init__",
        "__enter__",
        "__exit__",
        "close",
        "mount",
        "get_adapter",
        "prepare_request",
        "merge_environment_settings",
    }
    | {
        "pipeline",
        "pubsub",
        "lock",
        "register_script",
        "from_url",
        "get_encoder",
        "get_connection_kwargs",
        "can_paginate",
    }
    | {"generate_presigned_url", "get_paginator", "get_waiter", "with_options", "session"}
)

#: What calls of untyped functions give.
_RESULTS = {
    "requests.sessions.session": "requests.sessions.Session",
    "sqlite3.connect": "sqlite3.Connection",
    "sqlite3.Connection.cursor": "sqlite3.Cursor",
    "sqlite3.Connection.execute": "sqlite3.Cursor",
    "sqlite3.Cursor.execute": "sqlite3.Cursor",
    "psycopg2.connect": "psycopg2.extensions.connection",
    "psycopg2.extensions.connection.cursor": "psycopg2.extensions.cursor",
    "pymysql.connect": "pymysql.connections.Connection",
    "pymysql.connections.Connection.cursor": "pymysql.cursors.Cursor",
    "sqlalchemy.engine.create.create_engine": "sqlalchemy.engine.base.Engine",
    "sqlalchemy.engine.base.Engine.connect": "sqlalchemy.engine.base.Connection",
    "sqlalchemy.engine.base.Engine.begin": "sqlalchemy.engine.base.Connection",
    "sqlalchemy.orm.session.sessionmaker.__call__": "sqlalchemy.orm.session.Session",
    "sqlalchemy.orm.scoping.scoped_session.__call__": "sqlalchemy.orm.session.Session",
    "sqlalchemy.orm.session.Session.query": "sqlalchemy.orm.query.Query",
    "sqlalchemy.orm.scoping.scoped_session.query": "sqlalchemy.orm.query.Query",
    "concurrent.futures._base.Executor.submit": "concurrent.futures._base.Future",
    "concurrent.futures.thread.ThreadPoolExecutor.submit": "concurrent.futures._base.Future",
    "concurrent.futures.process.ProcessPoolExecutor.submit": "concurrent.futures._base.Future",
    "redis.client.Redis.pipeline": "redis.client.Pipeline",
    "redis.client.Redis.pubsub": "redis.client.PubSub",
    "redis.client.Redis.lock": "redis.lock.Lock",
    "boto3.client": "botocore.client.BaseClient",
    "asgiref.sync.async_to_sync": "asgiref.sync.AsyncToSync",
    "flask.app.Flask.async_to_sync": "asgiref.sync.AsyncToSync",
    "urllib.request.build_opener": "urllib.request.OpenerDirector",
}

#: Classes whose methods give one of the same class where nothing else is known.
_FLUENT = "sqlalchemy.orm.query.Query"


def kind_of(callee: Value) -> Kind | None:
    """The kind of waiting that a call is, if it is known to be one."""
    if isinstance(callee, Method) and callee.name in _HARMLESS:
        return None
    for name in names_of(callee):
        kind = _KINDS.get(name) or _KINDS.get(f"{name.rpartition('.')[0]}.*")
        if kind is not None:
            return kind
    return None


def result_class(callee: Value) -> type | None:
    """The class of what a call gives, where the table knows it better than annotations."""
    for name in names_of(callee):
        if name in _RESULTS:
            return class_named(_RESULTS[name])
    if isinstance(callee, Method) and any(name.rpartition(".")[0] == _FLUENT for name in names_of(callee)):
        return callee.owner
    return None


def waits_on_exit(cls: type) -> bool:
    """Whether leaving a ``with`` over an object of a class waits: an executor's does, for its threads."""
    return any(f"{base.__module__}.{base.__qualname__}" == "concurrent.futures._base.Executor" for base in cls.__mro__)
