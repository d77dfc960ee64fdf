"""Rules, converters, redirects and URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.routing import BaseConverter, RequestRedirect, ValidationError

from .journal import note

if TYPE_CHECKING:
    from flask import Flask

routes = Blueprint("routes", __name__)


class Colour(BaseConverter):
    """A converter of the application's own, which looks things up."""

    regex = "[a-z]+"
    known = {"red": "#f00", "navy": "#008"}

    def to_python(self, value: str) -> str:
        if value not in self.known:
            raise ValidationError
        return self.known[value]

    def to_url(self, value: str) -> str:
        return {code: name for name, code in self.known.items()}.get(value, value)


def install(app: Flask) -> None:
    """Register the rules; most have one view, which says how it was matched."""
    app.url_map.converters["colour"] = Colour
    app.register_blueprint(routes)
    app.add_url_rule("/manual", endpoint="manual", view_func=matched, methods=["PUT"], provide_automatic_options=False)
    app.add_url_rule("/late/<int:number>", endpoint="late")
    app.endpoint("late")(matched)
    app.add_url_rule("/nowhere", endpoint="nowhere")


@routes.route("/")
@routes.route("/leaf")
@routes.route("/branch/")
@routes.route("/loose/", strict_slashes=False, endpoint="loose")
@routes.route("/loose-leaf", strict_slashes=False, endpoint="loose_leaf")
@routes.route("/merged//slashes/<name>", merge_slashes=False, endpoint="merged")
@routes.route("/number/<int:number>", endpoint="number")
@routes.route("/number/<int(min=3, max=700, fixed_digits=3):number>/fixed", endpoint="fixed")
@routes.route("/signed/<int(signed=True):number>", endpoint="signed")
@routes.route("/real/<float(signed=True):number>", endpoint="real")
@routes.route("/path/<path:rest>", endpoint="path")
@routes.route("/path/<path:rest>/edit", endpoint="path_edit")
@routes.route("/uuid/<uuid:identifier>", endpoint="uuid")
@routes.route("/any/<any(tea, 'green tea', coffee):drink>", endpoint="any")
@routes.route("/text/<string(length=2):code>", endpoint="text")
@routes.route("/text/<string(minlength=3, maxlength=5):code>/<name>", endpoint="texts")
@routes.route("/colour/<colour:code>", endpoint="colour")
@routes.route("/colour/<colour:code>/<path:rest>/", endpoint="colours")
@routes.route("/name/<name>", endpoint="name")
@routes.route("/ünï/<name>", endpoint="unicode")
@routes.route("/a:b;c=d/<x>", endpoint="reserved")
def matched(**view_args: Any) -> Any:
    note(f"view: {request.endpoint}")
    return [request.endpoint, str(request.url_rule), {name: str(value) for name, value in view_args.items()}]


@routes.route("/pages/", defaults={"page": 1})
@routes.route("/pages/<int:page>")
def pages(page: int) -> str:
    return f"page {page}"


routes.add_url_rule("/alias/", endpoint="pages", alias=True, defaults={"page": 7})


@routes.route("/moved", redirect_to="/leaf")
@routes.route("/moved/<name>", redirect_to="/name/<name>")
def moved(**view_args: str) -> str:
    raise AssertionError("the rule redirects")


@routes.route("/methods", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def methods() -> str:
    return request.method


@routes.route("/brew", methods=["BREW", "GET"])
def brew() -> str:
    return request.method


@routes.route("/own-options", methods=["GET", "OPTIONS"])
def own_options() -> str:
    return f"own {request.method}"


@routes.route("/redirect/<int:code>")
def redirecting(code: int) -> Any:
    return redirect(request.args.get("to", "/leaf"), code)


@routes.route("/redirect-request")
def redirect_request() -> Any:
    raise RequestRedirect(request.args.get("to", "/leaf"))


@routes.route("/urls")
def urls() -> Any:
    return [
        url_for("routes.name", name="a b/c?ä", _external=True, q=["1", "ü&="], _anchor="x y"),
        url_for("routes.colour", code="#f00", _scheme="https", _external=True),
        url_for(".pages", page=1),
        url_for(".pages", page=2, _method="GET"),
        url_for("static", filename="site.css"),
        url_for("nested.inner.show", language="de", number=4),
        url_for("files.sent", name="größe ü.txt"),
    ]


@routes.route("/urls/missing")
def missing_url() -> str:
    return url_for("no.such.endpoint", value=1)
