"""Hangar, the maintenance desk: aircraft, work orders, documents and reports."""

import os
from collections.abc import Mapping

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from . import (
    aircraft,
    airports,
    api,
    audit,
    auth,
    board,
    converters,
    csrf,
    db,
    errors,
    filters,
    hooks,
    importer,
    log,
    pages,
    reports,
    serializer,
)


def create_app(config=None):
    """Make the application.

    Without ``config`` the settings come from the config class, from ``config.py`` in the
    instance folder and from ``HANGAR_*`` environment variables, the later ones winning.
    With a mapping or a class, as in tests, they come from the config class and from that only.
    """
    app = Flask(__name__, instance_relative_config=True)
    configure(app, config)
    log.init_app(app)

    app.json = serializer.HangarJSONProvider(app)
    app.url_map.converters["tail"] = converters.TailNumberConverter

    for module in (hooks, db, csrf, errors, filters, audit, auth, importer):
        module.init_app(app)

    for module in (pages, auth, airports, aircraft, board, reports, audit, api):
        app.register_blueprint(module.bp)

    if app.config["PROXY_COUNT"]:
        count = app.config["PROXY_COUNT"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)

    return app


def configure(app, config):
    app.config.from_object(os.environ.get("HANGAR_CONFIG", "hangar.config.Config"))
    app.config.setdefault("DATABASE", os.path.join(app.instance_path, "hangar.sqlite"))
    app.config.setdefault("UPLOAD_FOLDER", os.path.join(app.instance_path, "documents"))
    app.config.setdefault("DATA_FOLDER", os.path.join(os.path.dirname(app.root_path), "data"))
    if config is None:
        app.config.from_pyfile("config.py", silent=True)
        app.config.from_prefixed_env("HANGAR")
    elif isinstance(config, Mapping):
        app.config.from_mapping(config)
    else:
        app.config.from_object(config)

    if not app.config["SECRET_KEY"]:
        app.config["SECRET_KEY"] = db.read_secret_key(app)
