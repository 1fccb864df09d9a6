"""The loop led by coverage: atheris, where it is installed, keeps each input that reaches a line that none had reached.

libFuzzer ends the process that it runs in, so it is given one of its own, which tells what it found by its exit code.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import random
import tempfile
import traceback
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from tests.fuzz.mutate import mutate

# Code that counts what it reaches takes about so many times as long.
SLOWNESS = 8.0
# What is read by steps of many inputs had better be short.
_MAX_BYTES = 1 << 13
PACKAGES = ("archives", "pipelines", "crawler", "warcio", "dateutil")


def is_available() -> bool:
    """Whether atheris is installed: `pip install atheris`, which few versions of Python can."""
    return importlib.util.find_spec("atheris") is not None


def fuzz_guided(name: str, *, seconds: float, seed: int) -> int:
    """Fuzz one target in its own process; return its exit code, 1 if an input was a finding.

    Call it before anything of the project is imported: what is imported already does not lead.
    """
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if not child:
            _run(name, Path(folder), seconds=seconds, seed=seed)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(name: str, folder: Path, *, seconds: float, seed: int) -> None:
    """Give the process to libFuzzer, which ends it."""
    atheris = importlib.import_module("atheris")
    with redirect_stderr(StringIO()), atheris.instrument_imports(include=list(PACKAGES)):
        fuzzing = importlib.import_module("tests.fuzz.fuzzing")
    target = fuzzing.TARGETS[name]
    seeds = [*target.seeds, *(path.read_bytes() for path in fuzzing.iter_kept(name))]

    def read(data: bytes) -> None:
        try:
            fuzzing.read(target, data, slowness=SLOWNESS)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is what we look for)
            traceback.print_exception(error, limit=-4)
            print(f"{name}: kept as {fuzzing.keep(name, data)}", flush=True)
            os._exit(1)

    def change(data: bytes, max_size: int, number: int) -> bytes:
        """Half of the time as libFuzzer does it, half with our words."""
        chance = random.Random(number)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, max_size))
        return mutate([data], chance, others=seeds)[:max_size]

    for number, data in enumerate(seeds):
        (folder / f"seed{number}").write_bytes(data)
    options = [
        f"-artifact_prefix={folder}/",
        f"-max_total_time={seconds:.0f}",
        f"-seed={seed % (1 << 32)}",
        f"-max_len={_MAX_BYTES}",
        "-verbosity=0",
    ]
    atheris.Setup([name, *options, "-print_final_stats=1", str(folder)], read, custom_mutator=change)
    atheris.Fuzz()
