"""The benchmarks run and say what they promise to say; speed is not tested."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.extraction import read_ours
from benchmarks.paper import Pages
from tests.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

JOBS = ["bare", "bare-items", "capture", "full", "posts"]


def test_every_job_is_measured_and_compared_with_the_first() -> None:
    command = [sys.executable, "-m", "benchmarks.crawl", "--pages", "30", "--rounds", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["pages"] == 30
    assert [result["job"] for result in report["results"]] == JOBS
    assert report["results"][0]["ratio"] == 1.0
    for result in report["results"]:
        assert set(result) == {"job", "title", "cpu_s", "ratio", "pages_per_s", "rounds"}
        assert len(result["rounds"]) == 1
        assert set(result["rounds"][0]) == {"cpu_s", "wall_s"}
        assert result["cpu_s"] > 0


def test_the_archive_is_measured_beside_other_tools() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.archive",
        "--pages",
        "20",
        "--rounds",
        "1",
        "--captures",
        "300",
        "--json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["pages"] == 20
    results = {(result["job"], result["data"], result["tool"]): result for result in report["results"]}
    for data in ("gzip bodies", "plain bodies"):
        for tool in ("this project", "warcio"):
            jobs = [
                ("write", data),
                ("read", f"{data}, our file"),
                ("read", f"{data}, warcio's file"),
                ("random access", data),
            ]
            assert all(results[*job, tool]["per_s"] > 0 and results[*job, tool]["ratio"] > 0 for job in jobs)
            assert tool != "warcio" or all(results[*job, tool]["ratio"] == 1.0 for job in jobs)
        assert results["random access, not decoded", data, "this project"]["ratio"] is None
    assert results["nearest in time", "3 of 300", "this project"]["per_s"] > 0


def test_the_frontier_is_measured_against_queues_in_memory() -> None:
    sizes = ["--pages", "30", "--rounds", "1", "--urls", "1000"]
    command = [sys.executable, "-m", "benchmarks.frontier", *sizes, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [pair["job"] for pair in report["pairs"]] == ["full", "plain"]
    for pair in report["pairs"]:
        assert pair["ratio"] == pair["frontier"][0]["cpu_s"] / pair["memory"][0]["cpu_s"] > 0
    assert [mark["waiting"] for mark in report["marks"]] == [200, 400, 600, 800, 1000]
    assert all(mark["rss_mb"] > 1 and mark["add_us"] > 0 and mark["lease_us"] > 0 for mark in report["marks"])


def test_runs_that_find_nothing_new_are_measured() -> None:
    """Here the figures themselves are promises: nothing is fetched again, and no file is touched."""
    command = [sys.executable, "-m", "benchmarks.incremental", "--pages", "30", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    runs = {run["name"]: run for run in json.loads(done.stdout)["runs"]}
    assert (runs["first"]["requests"], runs["first"]["files_changed"], runs["first"]["not_modified"]) == (32, 30, 0)
    assert (runs["second"]["requests"], runs["second"]["files_changed"], runs["second"]["not_modified"]) == (32, 0, 32)
    assert runs["second"]["received"] < runs["first"]["received"] / 50
    settled = runs["articles settled"]
    assert (settled["requests"], settled["files_changed"], settled["not_modified"]) == (2, 0, 2)
    again = runs["unconditional"]
    assert (again["requests"], again["files_changed"], again["not_modified"]) == (32, 0, 0)
    assert again["archived"] < runs["first"]["archived"]


def test_the_paper_is_the_same_at_every_printing() -> None:
    assert Pages(3).responses == Pages(3).responses


def test_the_paper_has_the_pages_it_counts() -> None:
    pages = Pages(101)
    assert pages.sections == 2
    assert len(pages.responses) == 1 + pages.sections + pages.stories


def test_our_reader_answers_as_the_libraries_beside_it_do() -> None:
    text = f"<h1>The ferry sails again</h1>{'<p>The old ferry left the harbour at noon.</p>' * 9}"
    answer = read_ours(text, {"url": None, "fetched_at": None, "lang": "en"})
    assert answer["title"] == "The ferry sails again"
    assert answer["body"].startswith("The old ferry left the harbour")


def test_what_a_page_costs_to_be_told_and_weighed(tmp_path: Path) -> None:
    page = (
        "<html><head><title>Ferry stops</title></head><body><h1>Ferry stops</h1><p>It will not sail.</p></body></html>"
    )
    (tmp_path / "one.html.gz").write_bytes(gzip.compress(page.encode()))
    command = [sys.executable, "-m", "benchmarks.truth", "--pages", str(tmp_path), "--rounds", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["pages"] == 1
    assert all(report["ms"][step] > 0 for step in ("classify", "weigh"))
