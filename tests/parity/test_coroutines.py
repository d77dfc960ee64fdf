import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask
from flask.views import MethodView, View

from aeros_compat.parity.coroutines import coroutine, coroutine_view


def index(name: str = "you") -> str:
    return f"Hello, {name}"


def decorated(func: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(func)
    def wrapper(*args: Any) -> Any:
        return func(*args)

    return wrapper


def test_a_function_becomes_a_coroutine_function_once() -> None:
    view = coroutine(index)
    assert inspect.iscoroutinefunction(view)
    assert inspect.unwrap(view) is view
    assert inspect.signature(view) == inspect.signature(index)
    assert coroutine(index) is view
    assert coroutine(view) is view


def test_a_decorated_function_is_converted_with_its_decorator() -> None:
    assert coroutine(decorated(index)) is not coroutine(index)


def test_methods_stay_equal() -> None:
    class Hooks:
        def before(self) -> None:
            """Does nothing."""

    hooks = Hooks()
    assert coroutine(hooks.before) == coroutine(hooks.before)
    assert inspect.iscoroutinefunction(coroutine(hooks.before))


def test_flasks_own_functions_stay_as_they_are() -> None:
    static = Flask(__name__).view_functions["static"]
    assert coroutine_view(static) is static


def test_class_based_views_are_converted_inside() -> None:
    class Item(MethodView):
        def get(self) -> str:
            return "item"

    class Page(View):
        def dispatch_request(self) -> str:
            return "page"

    for cls, method in ((Item, "get"), (Page, "dispatch_request")):
        view = cls.as_view("view")
        assert coroutine_view(view) is view
        assert coroutine_view(view) is view
        assert inspect.iscoroutinefunction(getattr(view.view_class, method))


def test_classes_that_others_inherit_from_stay_as_they_are() -> None:
    class Base(MethodView):
        def get(self) -> str:
            return "base"

    class Derived(Base):
        def get(self) -> str:
            return f"derived from {super().get()}"

    app = Flask(__name__)
    for cls in (Base, Derived):
        app.add_url_rule(f"/{cls.__name__}", view_func=coroutine_view(cls.as_view(cls.__name__)))
    client = app.test_client()
    assert (client.get("/Base").text, client.get("/Derived").text) == ("base", "derived from base")
    assert not inspect.iscoroutinefunction(Base.get)
