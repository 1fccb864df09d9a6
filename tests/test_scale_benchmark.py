"""The benchmark of what lies past one machine runs; speed is not tested."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.archives.moto_server import find_moto
from tests.project import ROOT

FIGURES = {
    "frontier": {"requests", "file_us", "redis_us", "file_bytes_done", "redis_bytes_done", "redis_bytes_waiting"},
    "crawl": {
        *("pages", "gain", "gain_with_start"),
        *(
            f"{crew}_{figure}"
            for crew in ("file_1", "redis_1", "redis_2")
            for figure in ("pages_per_s", "with_start_pages_per_s", "cpu_s", "origin_cpu_s")
        ),
    },
}
FIGURES["ranged"] = {
    *("pages", "record_bytes", "disk_reads_per_s", "disk_mb_per_s", "ranged_reads_per_s", "ranged_mb_per_s"),
    *("ranged_bytes_a_read", "ranged_requests_a_read", "remembered_reads_per_s"),
}
SIZES = {"crawl": 4}


@pytest.mark.parametrize("job", FIGURES)
def test_a_job_measures_what_it_says(job: str) -> None:
    if job in ("frontier", "crawl") and (shutil.which("redis-server") is None or find_spec("redis") is None):
        pytest.skip("redis-server or the package redis is not installed")
    if job == "ranged" and (find_moto() is None or find_spec("boto3") is None):
        pytest.skip("moto_server or the package boto3 is not installed")
    command = [sys.executable, "-m", "benchmarks.scale", "--job", job, "--size", str(SIZES.get(job, 300))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures.pop("job") == job
    assert figures.pop("load") >= 0
    assert set(figures) == FIGURES[job]
    assert all(value > 0 for value in figures.values())
