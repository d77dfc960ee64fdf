"""Protection against forged form posts; the API has its tokens instead."""

from flask import render_template
from flask_wtf.csrf import CSRFError, CSRFProtect

from . import api

protect = CSRFProtect()


def handle_csrf_error(error):
    return render_template("errors/csrf.html", error=error), 400


def init_app(app):
    protect.init_app(app)
    for blueprint in api.BLUEPRINTS:
        protect.exempt(blueprint)
    app.register_error_handler(CSRFError, handle_csrf_error)
