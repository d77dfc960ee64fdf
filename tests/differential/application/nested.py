"""Blueprints in blueprints, class-based views, URL processors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, g, render_template_string, request, url_for
from flask.views import MethodView, View

from .journal import note

if TYPE_CHECKING:
    from flask import Response

outer = Blueprint("nested", __name__, url_prefix="/<language>/outer", static_folder="static", static_url_path="/files")
inner = Blueprint("inner", __name__, url_prefix="/inner")


@outer.url_value_preprocessor
def pull_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
    note(f"preprocessor: {endpoint} {values}")
    g.language = (values or {}).pop("language", "?")


@outer.url_defaults
def push_language(endpoint: str, values: dict[str, Any]) -> None:
    values.setdefault("language", g.get("language", "en"))


@outer.before_request
def before_outer() -> None:
    note("before: outer")


@inner.before_request
def before_inner() -> str | None:
    note("before: inner")
    return "stopped by inner" if "stop" in request.args else None


@outer.after_request
def after_outer(response: Response) -> Response:
    note("after: outer")
    response.headers.add("X-Signed", "outer")
    return response


@inner.after_request
def after_inner(response: Response) -> Response:
    note("after: inner")
    response.headers.add("X-Signed", "inner")
    return response


@outer.teardown_request
def teardown_outer(error: BaseException | None) -> None:
    note("teardown: outer")


@inner.teardown_request
def teardown_inner(error: BaseException | None) -> None:
    note("teardown: inner")


@outer.before_app_request
def before_app() -> None:
    note("before app: outer")


@inner.after_app_request
def after_app(response: Response) -> Response:
    note("after app: inner")
    return response


@inner.teardown_app_request
def teardown_app(error: BaseException | None) -> None:
    note("teardown app: inner")


@inner.context_processor
def inner_words() -> dict[str, str]:
    note("context processor: inner")
    return {"inner": "inner"}


@outer.app_errorhandler(410)
def gone(error: Any) -> Any:
    note("handler: 410")
    return "gone", 410


@inner.errorhandler(ZeroDivisionError)
def divided(error: ZeroDivisionError) -> Any:
    note("handler: inner")
    return f"divided {request.blueprints}", 400


@outer.route("/")
def index() -> Any:
    return [g.language, request.blueprints, url_for(".index"), url_for(".inner.show", number=3)]


@inner.route("/<int:number>")
def show(number: int) -> Any:
    return render_template_string("{{ g.language }} {{ inner }} {{ shared }} {{ n }}", n=12 // number)


class Item(MethodView):
    """A view with methods."""

    init_every_request = False

    def get(self, number: int, **rest: Any) -> Any:
        note("MethodView.get")
        return {"number": number, "method": request.method}

    def post(self, number: int, **rest: Any) -> Any:
        return [number, list(request.form.items(multi=True))], 201

    def delete(self, number: int, **rest: Any) -> Any:
        return "", 204


class Old(View):
    """A view with a name for its work."""

    methods = ["GET", "PUT"]

    def __init__(self, word: str) -> None:
        self.word = word

    def dispatch_request(self, **rest: Any) -> Any:
        return f"{self.word} {request.method}"


inner.add_url_rule("/item/<int:number>", view_func=Item.as_view("item"))
inner.add_url_rule("/old", view_func=Old.as_view("old", "word"))
outer.register_blueprint(inner)
