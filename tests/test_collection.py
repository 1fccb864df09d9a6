"""Every process collects the same tests: pytest-xdist refuses to run where its workers disagree."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.project import ROOT

COLLECT = [
    *(sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider"),
    *("--assert=plain", "-o", "addopts=", "tests"),
]


def start_collecting(seed: int) -> subprocess.Popen[str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = outer | {"PYTHONHASHSEED": str(seed)}
    return subprocess.Popen(COLLECT, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def list_ids(collecting: subprocess.Popen[str]) -> list[str]:
    output, _ = collecting.communicate(timeout=300)
    assert collecting.returncode == 0, output
    return [line for line in output.splitlines() if "::" in line]


def test_two_processes_collect_the_same_tests_in_the_same_order() -> None:
    """No id depends on the clock or on the order of a set: the processes differ in both."""
    first = start_collecting(1)
    time.sleep(1.1)
    second = start_collecting(2)
    ids, others = list_ids(first), list_ids(second)
    assert len(ids) > 1000
    assert ids == others
    assert len(set(ids)) == len(ids)
