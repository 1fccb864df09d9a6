"""`python -m tests.fuzz [TARGET …] [--seconds 600] [--jobs 2] [--seed N]`: read bad inputs for as long as is wanted."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.fuzz import guided


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="by default all, each in a process of its own")
    parser.add_argument("--seconds", type=float, default=600.0, help="for each target")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="the same gives the same inputs")
    parser.add_argument("--blind", action="store_true", help="not led by coverage, though atheris is installed")
    options = parser.parse_args()
    if len(options.targets) == 1:
        return _fuzz_here(options.targets[0], options)
    return _fuzz_each(options)


def _fuzz_each(options: argparse.Namespace) -> int:
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 (a target's own process must import it led by coverage)

    arguments = [f"--seconds={options.seconds}", f"--seed={options.seed}", *["--blind"] * options.blind]
    run = partial(subprocess.run, check=False)
    with ThreadPoolExecutor(options.jobs) as pool:
        names = options.targets or list(TARGETS)
        done = pool.map(run, [[sys.executable, "-m", "tests.fuzz", name, *arguments] for name in names])
        failed = [name for name, process in zip(names, done, strict=True) if process.returncode]
    print(f"targets with findings: {', '.join(failed)}" if failed else "no findings")
    return 1 if failed else 0


def _fuzz_here(name: str, options: argparse.Namespace) -> int:
    if guided.is_available() and not options.blind:
        print(f"{name}: led by coverage, seed {options.seed}", flush=True)
        return 1 if guided.fuzz_guided(name, seconds=options.seconds, seed=options.seed) else 0
    from tests.fuzz.fuzzing import fuzz, keep  # noqa: PLC0415 (only now: see above)

    count, finding = fuzz(name, seconds=options.seconds, seed=options.seed)
    print(f"{name}: {count} inputs, seed {options.seed}", flush=True)
    if finding:
        traceback.print_exception(finding.error, limit=-4)
        print(f"{name}: kept as {keep(name, finding.data)}", flush=True)
    return 1 if finding else 0


if __name__ == "__main__":
    raise SystemExit(main())
