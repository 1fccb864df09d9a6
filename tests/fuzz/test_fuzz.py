"""Every reader of a stranger's bytes takes whatever comes: some seconds here, longer by `python -m tests.fuzz`."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.fuzz import guided
from tests.fuzz.fuzzing import fuzz, iter_kept, read
from tests.fuzz.targets import TARGETS, Target
from tests.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

SECONDS = 15 / len(TARGETS)
needs_atheris = pytest.mark.skipif(not guided.is_available(), reason="atheris is not installed: pip install atheris")


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_a_reader(name: str) -> None:
    count, finding = fuzz(name, seconds=SECONDS, seed=20261123)
    if finding:
        raise AssertionError(f"{name}, input {count}: {finding.data[:300]!r}") from finding.error
    assert count > 10


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_read(name: str) -> None:
    for seed in TARGETS[name].seeds:
        read(TARGETS[name], seed)


KEPT = [(name, path) for name in TARGETS for path in iter_kept(name)]


@pytest.mark.parametrize(("name", "path"), KEPT, ids=[f"{name}-{path.name}" for name, path in KEPT])
def test_what_broke_a_reader_once_does_not_again(name: str, path: Path) -> None:
    read(TARGETS[name], path.read_bytes())


def test_a_reader_that_fails_is_found() -> None:
    def fail(data: bytes) -> None:
        if b"\xff" in data:
            raise KeyError("odd byte")

    TARGETS["broken"] = Target(run=fail, seeds=(b"some bytes",))
    try:
        _, finding = fuzz("broken", seconds=5, seed=1)
    finally:
        del TARGETS["broken"]
    assert finding is not None
    assert isinstance(finding.error, KeyError)


@pytest.mark.parametrize("more", [["--blind"], pytest.param([], marks=needs_atheris)])
def test_by_hand(more: list[str]) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "cdxj", "date", "--seconds", "1", "--seed", "1", *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no findings" in done.stdout
