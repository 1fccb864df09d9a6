"""The benchmark of what lies past one machine runs; how fast anything is, is no test's business."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.project import ROOT

FIGURES = {
    "frontier": {"requests", "file_us", "redis_us", "file_bytes_done", "redis_bytes_done", "redis_bytes_waiting"},
    "catalogue": {"bytes_at_30", "bytes_at_300", "lookup_us_at_30", "lookup_us_at_300"},
}


@pytest.mark.parametrize("job", FIGURES)
def test_a_job_measures_what_it_says(job: str) -> None:
    if job == "frontier" and (shutil.which("redis-server") is None or find_spec("redis") is None):
        pytest.skip("redis-server or the package redis is not installed")
    command = [sys.executable, "-m", "benchmarks.scale", "--job", job, "--size", "300"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures.pop("job") == job
    assert set(figures) == FIGURES[job]
    assert all(value > 0 for value in figures.values())
