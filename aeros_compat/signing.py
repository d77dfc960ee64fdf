"""Signed session cookies, as Flask's own, with what depends only on the keys worked out once.

Signing is most of what a session costs. Flask makes a serializer for each reading and each writing, which derives its
key anew; both are the same as long as the secret key is.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask.sessions import SecureCookieSessionInterface
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from itsdangerous.signer import SigningAlgorithm

if TYPE_CHECKING:
    from flask import Flask


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


@lru_cache(64)  # applications and their keys, not requests
def _serializer(
    keys: tuple[Any, ...], salt: str, serializer: Any, key_derivation: str, digest_method: Any
) -> URLSafeTimedSerializer:
    options: dict[str, Any] = {"key_derivation": key_derivation, "digest_method": digest_method}
    name = digest_method().name
    if name in hashlib.algorithms_available:
        options["algorithm"] = _HMAC(name)
    return URLSafeTimedSerializer(keys, salt=salt, serializer=serializer, signer=_Signer, signer_kwargs=options)


class _HMAC(SigningAlgorithm):
    """itsdangerous's ``HMACAlgorithm`` in one call of OpenSSL's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, self._name)


class _Signer(TimestampSigner):
    """A signer that derives each of its keys once, for all of its kind."""

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        secret_key = self.secret_keys[-1] if secret_key is None else secret_key
        return _derived_key(secret_key, self.salt, self.key_derivation, self.digest_method)


@lru_cache(64)
def _derived_key(secret_key: str | bytes, salt: bytes, key_derivation: str, digest_method: Any) -> bytes:
    return TimestampSigner(secret_key, salt, key_derivation=key_derivation, digest_method=digest_method).derive_key()
