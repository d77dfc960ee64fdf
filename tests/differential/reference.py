"""The application on plain Flask, for a WSGI server: ``gunicorn tests.differential.reference:application``."""

from __future__ import annotations

from .flavours import FLASK, made

application = made(FLASK)
