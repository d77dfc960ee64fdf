"""Signed session cookies, as Flask's own, with what depends only on the keys and the settings worked out once.

Signing is most of what a session costs. Flask makes a serializer for each reading and each writing, which derives its
key anew; both are the same as long as the secret key is. And itsdangerous takes a cookie apart in some sixty calls, in
each of which something else could be wrong with it; here the usual one takes ten, and whatever is unusual, or wrong, is
left to itsdangerous.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import time
import zlib
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature, SignatureExpired, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import int_to_bytes
from itsdangerous.signer import SigningAlgorithm
from werkzeug.http import dump_cookie
from werkzeug.sansio.response import Response as SansIOResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask
    from flask.sessions import SecureCookieSession, SessionMixin
    from flask.wrappers import Request, Response


class SignedSessions(SecureCookieSessionInterface):
    """Flask's session interface. What it writes Flask can read, and the other way round."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The serializer for the keys of ``app``, as they are now; None without a secret key."""
        if not app.secret_key:
            return None
        keys = (*(app.config["SECRET_KEY_FALLBACKS"] or ()), app.secret_key)
        try:
            return _serializer(keys, self.salt, self.serializer, self.key_derivation, self.digest_method)
        except TypeError:  # a key that is neither text nor bytes: Flask says so
            return super().get_signing_serializer(app)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Flask's method."""
        return self.open_from(app, request.cookies)

    def open_from(self, app: Flask, cookies: Mapping[str, str]) -> SecureCookieSession | None:
        """The session in the cookies of a request."""
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            return None
        value = cookies.get(self.get_cookie_name(app))
        if not value:
            return self.session_class()
        max_age = int(app.permanent_session_lifetime.total_seconds())
        try:
            return self.session_class(serializer.loads(value, max_age=max_age))
        except BadSignature:
            return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Flask's method: it writes the same headers, in the same order."""
        if type(response).set_cookie is not SansIOResponse.set_cookie or session.permanent or not session:
            super().save_session(app, session, response)
            return
        if session.accessed:
            _vary_on_cookies(response)
        if not self.should_set_cookie(app, session):
            return
        name = self.get_cookie_name(app)
        attributes: dict[str, Any] = {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "partitioned": self.get_cookie_partitioned(app),
            "samesite": self.get_cookie_samesite(app),
            "httponly": self.get_cookie_httponly(app),
        }
        value = cast("URLSafeTimedSerializer", self.get_signing_serializer(app)).dumps(dict(session))
        cookie = f"{name}={value}{_after_value(*attributes.values())}"
        if name.isascii() and len(cookie) <= (response.max_cookie_size or len(cookie)):
            response.headers.add("Set-Cookie", cookie)
        else:
            response.set_cookie(name, value, **attributes)
        _vary_on_cookies(response)


def _vary_on_cookies(response: Response) -> None:
    for name, value in response.headers:
        if name.lower() == "vary":
            if value != "Cookie":
                response.vary.add("Cookie")
            return
    response.headers.add("Vary", "Cookie")


@lru_cache(64)  # applications and their settings, not requests
def _after_value(
    domain: str | None, path: str, secure: bool, partitioned: bool, samesite: str | None, httponly: bool
) -> str:
    """What ``Set-Cookie`` has behind the value of a cookie."""
    return dump_cookie(
        "k",
        "v",
        domain=domain,
        path=path,
        secure=secure,
        partitioned=partitioned,
        samesite=samesite,
        httponly=httponly,
        max_size=0,
    ).removeprefix("k=v")


@lru_cache(64)  # applications and their keys, not requests
def _serializer(
    keys: tuple[Any, ...], salt: str, serializer: Any, key_derivation: str, digest_method: Any
) -> URLSafeTimedSerializer:
    options: dict[str, Any] = {"key_derivation": key_derivation, "digest_method": digest_method}
    name = digest_method().name
    if name not in hashlib.algorithms_available:
        return URLSafeTimedSerializer(keys, salt=salt, serializer=serializer, signer=_Signer, signer_kwargs=options)
    options["algorithm"] = _HMAC(name)
    return _Serializer(keys, salt=salt, serializer=serializer, signer=_Signer, signer_kwargs=options)


_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")


class _Serializer(URLSafeTimedSerializer):
    """itsdangerous's serializer, with its two methods in one piece each for what was signed with the newest key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        signer = self.make_signer()
        self._key = signer.derive_key()
        self._digest = cast("_HMAC", signer.algorithm).name

    def dumps(self, obj: Any, salt: str | bytes | None = None) -> str:
        if salt is not None or not self.is_text_serializer:
            return super().dumps(obj, salt)
        json: bytes = self.serializer.dumps(obj).encode()
        compressed = zlib.compress(json)
        payload = b"." + _encoded(compressed) if len(compressed) < len(json) - 1 else _encoded(json)
        value = payload + b"." + _encoded(int_to_bytes(int(time.time())))
        return (value + b"." + self._signature(value)).decode()

    def loads(  # type: ignore[override]  # as TimedSerializer's own
        self,
        s: str | bytes,
        max_age: int | None = None,
        return_timestamp: bool = False,
        salt: str | bytes | None = None,
    ) -> Any:
        if max_age is not None and salt is None and not return_timestamp and self.is_text_serializer:
            # What has the signature and cannot be read has been written by somebody else with this key.
            with suppress(Exception):
                return self._opened(s.encode() if isinstance(s, str) else s, max_age)
        return super().loads(s, max_age, return_timestamp, salt)

    def _opened(self, signed: bytes, max_age: int) -> Any:
        """What has been signed. Raises anything if this is not the usual case: itsdangerous says then what it is."""
        value, _, signature = signed.rpartition(b".")
        if not hmac.compare_digest(self._signature(value), signature):
            raise BadSignature("Perhaps it was made with an older key.")
        payload, _, stamp = value.rpartition(b".")
        if not 0 <= int(time.time()) - int.from_bytes(_decoded(stamp)) <= max_age:
            raise SignatureExpired("Or it is from the future.")
        json = zlib.decompress(_decoded(payload[1:])) if payload[:1] == b"." else _decoded(payload)
        return self.serializer.loads(json.decode())

    def _signature(self, value: bytes) -> bytes:
        return _encoded(hmac.digest(self._key, value, self._digest))


def _encoded(value: bytes) -> bytes:
    return binascii.b2a_base64(value, newline=False).rstrip(b"=").translate(_URL_SAFE)


def _decoded(value: bytes) -> bytes:
    return binascii.a2b_base64(value.translate(_STANDARD) + b"==")


class _HMAC(SigningAlgorithm):
    """itsdangerous's ``HMACAlgorithm`` in one call of OpenSSL's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, self.name)


class _Signer(TimestampSigner):
    """A signer that derives each of its keys once, for all of its kind."""

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        secret_key = self.secret_keys[-1] if secret_key is None else secret_key
        return _derived_key(secret_key, self.salt, self.key_derivation, self.digest_method)


@lru_cache(64)
def _derived_key(secret_key: str | bytes, salt: bytes, key_derivation: str, digest_method: Any) -> bytes:
    return TimestampSigner(secret_key, salt, key_derivation=key_derivation, digest_method=digest_method).derive_key()
