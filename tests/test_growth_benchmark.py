"""The plan to internet scale is computed from what is measured; speed is not tested."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks.growth import plan, predict
from tests.project import ROOT


def test_a_part_is_measured_at_three_sizes_and_planned() -> None:
    sizes = ("--size", "600", "--crawl-pages", "120")
    command = [sys.executable, "-m", "benchmarks.growth", *sizes, "--part", "catalogue", "--part", "file", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [point["size"] for point in report["parts"]["catalogue"]] == [6, 60, 600]
    assert {"bytes", "lookup_us"} < set(report["parts"]["catalogue"][0])
    assert {"bytes", "life_us"} < set(report["parts"]["file"][0])
    assert [row["pages"] for row in report["plan"]] == [10**6, 10**8, 10**10]
    assert report["cpu_ms"] > 0


def test_bytes_follow_their_slope_and_times_each_tenfold() -> None:
    points = [{"size": 10, "bytes": 110.0, "lookup_us": 10.0}, {"size": 100, "bytes": 20.0, "lookup_us": 11.0}]
    # 1,100 bytes at 10 and 2,000 at 100: ten bytes each, and a thousand that do not grow.
    assert predict(points, "bytes", 1_000_000) == pytest.approx(10, rel=0.001)
    assert predict(points, "lookup_us", 10_000) == pytest.approx(11.0 * 1.1**2)
    assert predict(points, "lookup_us", 50) == 11.0
    (_, middle, _) = plan({"catalogue": points}, cpu_ms=3.6, page_bytes=5000)
    assert middle["cpu_h"] == pytest.approx(100)
    assert middle["archive_gb"] == pytest.approx(500)
    assert middle["catalogue_gb"] == pytest.approx(1, rel=0.001)
