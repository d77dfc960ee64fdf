"""The settings, one class for each place the application runs in."""

from datetime import timedelta


class Config:
    # Without one in the instance config or in HANGAR_SECRET_KEY, the key that "flask init-db"
    # wrote into the instance folder is used.
    SECRET_KEY = None

    MAX_CONTENT_LENGTH = 2 * 1024 * 1024
    PERMANENT_SESSION_LIFETIME = timedelta(days=14)
    SESSION_COOKIE_NAME = "hangar"
    SESSION_COOKIE_SAMESITE = "Lax"

    DATABASE_TIMEOUT = 15.0
    PASSWORD_METHOD = "scrypt"
    PAGE_SIZE = 25
    HOME_AIRPORT = "JFK"
    # How long each of the outside services of the shift briefing takes to answer, in seconds.
    LOOKUP_DELAY = 0.25
    LOG_LEVEL = "INFO"
    # How many proxies in front of the application may be trusted.
    PROXY_COUNT = 0


class ProductionConfig(Config):
    SESSION_COOKIE_SECURE = True
    PREFERRED_URL_SCHEME = "https"
    LOG_LEVEL = "WARNING"


class TestingConfig(Config):
    TESTING = True
    SECRET_KEY = "only-for-tests"
    WTF_CSRF_ENABLED = False
    PASSWORD_METHOD = "pbkdf2:sha256:1000"
    LOOKUP_DELAY = 0.0
    PAGE_SIZE = 10
