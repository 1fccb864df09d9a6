"""Lint, format and types, so that the one command that runs the tests says what a reviewer would."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.project import ROOT

COMMANDS = {
    "lint": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_code_is_in_order(name: str) -> None:
    tool, *arguments = COMMANDS[name]
    pytest.importorskip(tool, reason=f"{tool} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{tool} {' '.join(arguments)}\n{done.stdout}{done.stderr}"
