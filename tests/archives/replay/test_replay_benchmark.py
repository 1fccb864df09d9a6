"""The benchmark of the viewer runs and says what it promises to say; speed is not tested."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.project import ROOT


def test_every_job_is_measured() -> None:
    command = [sys.executable, "-m", "benchmarks.replay", "--captures", "50", "--pages", "3", "--page-bytes", "3000",
               "--requests", "6", "--rounds", "1", "--json"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [row["job"] for row in report["results"]] == ["lookup", "id_", "page"]
    for row in report["results"]:
        assert set(row["newsreel"]) == {"per_s", "p50_ms", "p99_ms"}
        assert "ratio" not in row
    assert report["peak_mb"]["newsreel"] > 0
