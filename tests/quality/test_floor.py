"""The floor only rises: were that not so, no figure would mean anything."""

from __future__ import annotations

from tests.quality.floor import PATH, dump_floor, load_floor, raise_floor, verify_floor

FLOOR = {"all": {"body_f1": 0.9, "body_lt50": 0.02}}


def test_what_falls_below_is_named() -> None:
    assert verify_floor({"all": {"body_f1": 0.9, "body_lt50": 0.02}}, FLOOR) == []
    assert verify_floor({"all": {"body_f1": 0.95, "body_lt50": 0.0}}, FLOOR) == []
    problems = verify_floor({"all": {"body_f1": 0.899, "body_lt50": 0.03}}, FLOOR)
    assert [str(problem) for problem in problems] == [
        "all body_f1 is 0.899, the floor is 0.9",
        "all body_lt50 is 0.03, the floor is 0.02",
    ]
    assert len(verify_floor({}, FLOOR)) == 2


def test_the_floor_only_rises() -> None:
    raised = raise_floor({"all": {"body_f1": 0.8, "body_lt50": 0.01}, "zh": {"body_f1": 0.7}}, FLOOR)
    assert raised == {"all": {"body_f1": 0.9, "body_lt50": 0.01}, "zh": {"body_f1": 0.7}}
    assert raise_floor({"all": {"body_f1": 0.95}}, FLOOR)["all"]["body_f1"] == 0.95


def test_the_file_is_as_it_is_written() -> None:
    text = PATH.read_text("utf-8")
    assert dump_floor(load_floor(text)) == text
