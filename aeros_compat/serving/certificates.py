"""The ``ssl_context`` of Flask's ``run`` as options of uvicorn's."""

from __future__ import annotations

import ssl
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.serving import make_ssl_devcert

from .settings import CannotServe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .settings import Settings


@contextmanager
def certificate(settings: Settings) -> Iterator[dict[str, Any]]:
    """Options of uvicorn's for the certificate, which has been looked at.

    :raises CannotServe: if it cannot be used, with the reason.
    """
    given = settings.ssl_context
    if given is None:
        _check(settings.uvicorn)
        yield {}
    elif isinstance(given, ssl.SSLContext):
        if settings.is_supervised:
            raise CannotServe(
                "An SSLContext cannot be handed to worker processes. Give the files: ssl_context=(certificate, key)."
            )
        yield {"ssl_context_factory": lambda config, default: given}
    elif given == "adhoc":
        with tempfile.TemporaryDirectory() as folder:
            yield _files(_throw_away(folder, settings.host))
    else:
        options = _files(given)
        _check(options)
        yield options


def _files(pair: Any) -> dict[str, Any]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise CannotServe(f"ssl_context is (certificate, key), 'adhoc' or an ssl.SSLContext, not {pair!r}.")
    return {"ssl_certfile": pair[0], "ssl_keyfile": pair[1]}


def _throw_away(folder: str, host: str) -> tuple[str, str]:
    try:
        return make_ssl_devcert(str(Path(folder, "adhoc")), host=host)
    except TypeError as error:  # Werkzeug's way to say so
        raise CannotServe(
            "A throw-away certificate needs the package cryptography: pip install cryptography."
        ) from error


def _check(options: dict[str, Any]) -> None:
    """Load the files once: workers, which load them later, would all fail."""
    cert, key = options.get("ssl_certfile"), options.get("ssl_keyfile")
    if (cert is None and key is None) or options.get("ssl_context_factory") is not None:
        return
    if cert is None:
        raise CannotServe("ssl_keyfile is nothing without ssl_certfile.")
    for file in (cert, key):
        if file is not None and not Path(file).is_file():
            raise CannotServe(f"There is no certificate or key in {file}.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, options.get("ssl_keyfile_password"))
    except OSError as error:  # ssl.SSLError is one
        raise CannotServe(f"The certificate {cert} and its key cannot be used: {error}.") from error
