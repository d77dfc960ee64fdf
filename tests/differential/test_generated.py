"""Generated requests and visits: a fixed set in every run, a new and longer one when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .application import VARIANTS
from .length import search
from .strategies import requests, visits

if TYPE_CHECKING:
    from .comparison import Comparison
    from .request import Request

pytestmark = [
    pytest.mark.filterwarnings("ignore:Current server name:UserWarning"),  # the variant with a SERVER_NAME
    pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning"),  # see conftest
]


@search(1)
@given(request=requests())
def test_any_request_gets_the_same_answer(comparison: Comparison, request: Request) -> None:
    comparison.check([request], "default")


@search(0.2)
@given(request=requests(), variant=st.sampled_from(sorted(VARIANTS)))
def test_any_request_gets_the_same_answer_in_every_variant(
    comparison: Comparison, request: Request, variant: str
) -> None:
    comparison.check([request], variant)


@search(0.2)
@given(visit=visits)
def test_any_visit_leaves_the_same_session(comparison: Comparison, visit: list[Request]) -> None:
    comparison.check(visit, "default")
