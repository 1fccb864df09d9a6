"""The joint manifest: what several workers did, as one run, whichever worker writes it first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.runs.crawl_manifest import build_joint, find_end, is_joint, join_examples, list_parts, sum_counts
from crawler.runs.manifest import remove_examples, write_manifest

if TYPE_CHECKING:
    from pathlib import Path

CRAWL = "20260601120000-0123456789abcdef"
NAMES = st.sampled_from(["pages/article", "posts/new", "frontier/resumed", "request_depth_max", "archive/bytes"])
COUNTS = st.dictionaries(NAMES, st.integers(0, 99))
MINUTES = st.integers(0, 59)


def build_part(number: int, began: int = 0, ended: int | None = 30, **values: Any) -> dict[str, Any]:
    manifest = {
        "run": f"20260601120000-{number:06x}",
        "crawl": CRAWL,
        "spider": "category",
        "source": "one",
        "source_sha256": "00",
        "collection": "one",
        "seeds": ["http://a.example/"],
        "versions": {"newsreel": "1"},
        "settings": {"DOWNLOAD_DELAY": 1},
        "began_at": f"2026-06-01T12:{began:02}:00+00:00",
        "ended_at": None if ended is None else f"2026-06-01T13:{ended:02}:00+00:00",
        "exit_reason": None if ended is None else "finished",
        "counts": {"pages/article": number},
        "files": [],
        "machine": f"m{number}",
        "data_dir": "data",
    }
    return manifest | values


@st.composite
def crews(draw: st.DrawFn) -> list[dict[str, Any]]:
    numbers = draw(st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True))
    return [
        build_part(
            number,
            draw(MINUTES),
            draw(MINUTES | st.none()),
            counts=draw(COUNTS),
            spider=draw(st.sampled_from(["category", "share"])),
        )
        for number in numbers
    ]


@given(crews(), st.randoms())
def test_the_order_in_which_workers_are_told_of_does_not_matter(crew: list[dict[str, Any]], chance: Any) -> None:
    other = list(crew)
    chance.shuffle(other)
    assert json.dumps(build_joint(CRAWL, crew)) == json.dumps(build_joint(CRAWL, other))


@given(crews())
def test_a_joint_manifest_can_be_taken_apart_and_joined_again(crew: list[dict[str, Any]]) -> None:
    joint = json.loads(json.dumps(build_joint(CRAWL, crew)))
    parts = list_parts(joint)
    assert sorted(parts, key=lambda part: str(part["run"])) == sorted(crew, key=lambda part: str(part["run"]))
    assert build_joint(CRAWL, parts) == joint


def test_it_says_what_the_crawl_did() -> None:
    crew = [build_part(2, began=1, ended=31), build_part(3, ended=30), build_part(1, began=2, ended=None, counts={})]
    joint = build_joint(CRAWL, crew)
    assert is_joint(joint)
    assert not is_joint(crew[0])
    assert (joint["run"], joint["job"], joint["spider"]) == (CRAWL, "0123456789abcdef", "category")
    assert joint["began_at"] == "2026-06-01T12:00:00+00:00"
    assert (joint["ended_at"], joint["exit_reason"]) == ("2026-06-01T13:31:00+00:00", "finished")
    assert joint["counts"] == {"pages/article": 5}
    assert [(worker["machine"], worker["ended_at"]) for worker in joint["workers"]] == [
        ("m3", "2026-06-01T13:30:00+00:00"),
        ("m2", "2026-06-01T13:31:00+00:00"),
        ("m1", None),
    ]
    assert set(joint["workers"][0]) == {
        *("run", "began_at", "ended_at", "exit_reason", "counts", "files", "machine", "data_dir"),
    }


def test_what_one_worker_was_told_otherwise_stands_with_it() -> None:
    joint = build_joint(CRAWL, [build_part(1), build_part(2, source_sha256="ff")])
    assert joint["source_sha256"] == "00"
    assert [worker.get("source_sha256") for worker in joint["workers"]] == [None, "ff"]


def test_a_later_manifest_of_a_run_replaces_an_earlier_one() -> None:
    joint = build_joint(CRAWL, [build_part(1, ended=None), build_part(1)])
    assert [worker["exit_reason"] for worker in joint["workers"]] == ["finished"]


@pytest.mark.parametrize(
    ("parts", "end"),
    [
        ([(30, "finished"), (40, "shutdown")], (40, "finished")),
        ([(30, "finished"), (None, None)], (30, "finished")),
        ([(30, "shutdown"), (40, "storage_failed")], (40, "storage_failed")),
        ([(30, "shutdown"), (None, None)], None),
        ([(None, None)], None),
    ],
)
def test_how_a_crawl_ended(parts: list[tuple[int | None, str | None]], end: tuple[int, str] | None) -> None:
    crew = [build_part(number, 0, at, exit_reason=reason) for number, (at, reason) in enumerate(parts)]
    assert find_end(crew) == ((f"2026-06-01T13:{end[0]}:00+00:00", end[1]) if end else (None, None))


def test_counts_are_added_up_where_a_sum_means_something() -> None:
    first: dict[str, int | str] = {"posts/new": 2, "request_depth_max": 3, "robots/a": "x", "finish_reason": "finished"}
    second: dict[str, int | str] = {"posts/new": 1, "request_depth_max": 1, "robots/b": "y", "frontier/resumed": 4}
    assert sum_counts([first, second]) == {
        "frontier/resumed": 4,
        "posts/new": 3,
        "request_depth_max": 3,
        "robots/a": "x",
        "robots/b": "y",
    }


def test_examples_are_joined_and_erased(tmp_path: Path) -> None:
    first = {
        "captures/consent": ["http://a.example/1", "http://a.example/2"],
        "failures/timeout": ["http://a.example/3"],
    }
    second = {"captures/consent": ["http://a.example/2", "http://a.example/4", "http://a.example/5"]}
    joint = join_examples([first, second])
    assert joint["captures/consent"] == ["http://a.example/1", "http://a.example/2", "http://a.example/4"]
    path = tmp_path / "1.json"
    write_manifest(path, {"run": "1", "examples": joint, "workers": [{"run": "2", "examples": second}]})
    remove_examples(tmp_path, lambda url: url.endswith(("/3", "/4")))
    manifest = json.loads(path.read_text("utf-8"))
    assert manifest["examples"] == {"captures/consent": ["http://a.example/1", "http://a.example/2"]}
    assert manifest["workers"][0]["examples"] == {"captures/consent": ["http://a.example/2", "http://a.example/5"]}


def test_a_damaged_manifest_that_may_keep_an_erased_address_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "1.json"
    path.write_text('{"examples": {"captures/consent": ["http://a.example/1"', "utf-8")
    remove_examples(tmp_path, lambda _: True)
    assert str(path) in caplog.text
