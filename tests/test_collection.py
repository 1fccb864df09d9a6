"""Every process collects the same tests: pytest-xdist refuses to run where its workers disagree."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

from tests.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

COLLECT = [
    *(sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider"),
    *("--assert=plain", "-o", "addopts=", "tests"),
]


def collect() -> list[str]:
    """The identities of all tests in another process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONHASHSEED"] = "1"
    done = subprocess.run(
        COLLECT, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout
    return [line for line in done.stdout.splitlines() if "::" in line]


def group_by_file(names: Iterable[str]) -> dict[str, list[str]]:
    """The tests of each file in their order; that of the files is the command line's."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[name.partition("::")[0]].append(name)
    return groups


def test_two_processes_collect_the_same_tests_in_the_same_order(request: pytest.FixtureRequest) -> None:
    """No id depends on the clock or on the order of a set: the other process differs from ours in both."""
    ours, others = [item.nodeid for item in request.session.items], collect()
    assert len(others) > 1000
    assert len(set(others)) == len(others)
    chosen = set(ours)
    assert group_by_file(name for name in others if name in chosen) == group_by_file(ours)
