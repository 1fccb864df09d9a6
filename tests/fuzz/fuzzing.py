"""The loop: an input is made, read under a limit of time, and kept where the reader broke its promise."""

from __future__ import annotations

import hashlib
import random
import time
from dataclasses import dataclass
from pathlib import Path

from pipelines.page.limits import limit_time
from tests.fuzz.mutate import mutate
from tests.fuzz.targets import TARGETS, Target

CORPUS = Path(__file__).parent / "corpus"
SECONDS_AN_INPUT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An input that a reader did not take as it should."""

    data: bytes
    error: BaseException


def read(target: Target, data: bytes, *, slowness: float = 1.0) -> None:
    """Read one input; whatever is raised is a finding, `OutOfTime` too.

    Args:
        slowness: how many times as long as otherwise it may take.
    """
    with limit_time(SECONDS_AN_INPUT * slowness):
        target.run(data)


def iter_kept(name: str) -> list[Path]:
    """The inputs that were findings once."""
    return sorted((CORPUS / name).glob("*")) if (CORPUS / name).is_dir() else []


def fuzz(name: str, *, seconds: float, seed: int) -> tuple[int, Finding | None]:
    """Read mutated inputs until one is a finding or the processor time is up; return how many were read."""
    target = TARGETS[name]
    seeds = [*target.seeds, *(path.read_bytes() for path in iter_kept(name))]
    chance = random.Random(seed)
    until = time.process_time() + seconds
    count = 0
    while time.process_time() < until:
        data = mutate(seeds, chance)
        try:
            read(target, data)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is what we look for)
            return count, Finding(data=data, error=error)
        count += 1
    return count, None


def keep(name: str, data: bytes) -> Path:
    """Put an input into the corpus, under its digest."""
    path = CORPUS / name / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
