"""The benchmarks run and say what they promise to say; how fast anything is, is no test's business."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.paper import Pages
from tests.project import ROOT

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


def test_the_paper_is_the_same_at_every_printing() -> None:
    assert Pages(3).responses == Pages(3).responses


def test_the_paper_has_the_pages_it_counts() -> None:
    pages = Pages(101)
    assert pages.sections == 2
    assert len(pages.responses) == 1 + pages.sections + pages.stories
