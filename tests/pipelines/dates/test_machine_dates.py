"""Dates in scripts: looking only where one can be finds the same as looking everywhere."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dates.machine_dates import _ASSIGNED, _ENCODED, _iter_assigned

WRITTEN = (
    "pubtime publishTime ct date_published \" ' : = ] [ $ _ 1600000000 1600000000123 2020-01-02 2020年1月2日 , ; < time"
    " create_at firstPublished publish_on 12 %22 %3A x . ı K"
)
SCRIPTS = st.lists(st.sampled_from([*WRITTEN.split(" "), " ", "\n", " " * 45]), max_size=24).map("".join)


@settings(max_examples=800, deadline=None)
@given(SCRIPTS)
def test_values_in_scripts_are_all_found(script: str) -> None:
    expected = [*_ASSIGNED.finditer(script), *_ENCODED.finditer(script)]
    found = list(_iter_assigned(script))
    assert [(match["name"], match["value"]) for match in found] == [
        (match["name"], match["value"]) for match in expected
    ]
