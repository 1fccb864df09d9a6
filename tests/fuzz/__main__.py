"""`python -m tests.fuzz [TARGET …] [--seconds 600] [--seed N]`: read bad inputs for as long as is wanted."""

from __future__ import annotations

import argparse
import random
import traceback

from tests.fuzz.fuzzing import fuzz, keep
from tests.fuzz.targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"any of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--seconds", type=float, default=600.0, help="processor time for each target")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="the same gives the same inputs")
    options = parser.parse_args()
    found = 0
    for name in options.targets or TARGETS:
        count, finding = fuzz(name, seconds=options.seconds, seed=options.seed)
        print(f"{name}: {count} inputs, seed {options.seed}", flush=True)
        if finding:
            found += 1
            traceback.print_exception(finding.error, limit=-4)
            print(f"kept as {keep(name, finding.data)}", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
