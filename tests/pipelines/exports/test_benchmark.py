"""The benchmark of exports runs and says what it promises to say; speed is not tested."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.project import ROOT


def test_every_format_is_measured_and_compared() -> None:
    pytest.importorskip("orjson", reason="orjson is not installed")
    names = ["jsonl", "sqlite", "jekyll"]
    command = [sys.executable, "-m", "benchmarks.export", "--posts", "50", "--json"]
    command += [part for name in names for part in ("--format", name)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["posts"] == [5, 50]
    assert [result["job"] for result in report["results"]] == ["bare-jsonl", *names]
    for result in report["results"]:
        assert result["posts_per_s"] > 0
        assert len(result["memory_mb"]) == 2
        assert (result["ratio"] is not None) == (result["job"] == "jsonl")


def test_what_a_reader_of_changes_waits_for_is_measured() -> None:
    command = [sys.executable, "-m", "benchmarks.changes", "--posts", "300", "--rounds", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout).keys() == {"posts", "nothing_new_s", "last_hundred_s"}
