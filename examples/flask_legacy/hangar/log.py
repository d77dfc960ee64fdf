"""Logging: one line for each record, with the request it belongs to."""

import logging
import logging.config

from flask import g, has_request_context, request


class RequestFormatter(logging.Formatter):
    def format(self, record):
        record.request = "-"
        if has_request_context():
            record.request = f"{g.get('request_id', '-')} {request.method} {request.path}"
        return super().format(record)


def init_app(app):
    if app.testing:
        return
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "request": {
                    "()": RequestFormatter,
                    "format": "%(asctime)s %(levelname)s %(name)s [%(request)s] %(message)s",
                }
            },
            "handlers": {
                "wsgi": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://flask.logging.wsgi_errors_stream",
                    "formatter": "request",
                }
            },
            "loggers": {
                "hangar": {
                    "level": app.config["LOG_LEVEL"],
                    "handlers": ["wsgi"],
                    "propagate": False,
                }
            },
        }
    )
