"""The hand-picked requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .cases import CASES, Case

if TYPE_CHECKING:
    from .comparison import Comparison

pytestmark = [
    pytest.mark.filterwarnings("ignore:Current server name:UserWarning"),  # the variant with a SERVER_NAME
    pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning"),  # see conftest
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_request_gets_the_same_answer(comparison: Comparison, case: Case) -> None:
    comparison.check(case.requests, *case.variants)
