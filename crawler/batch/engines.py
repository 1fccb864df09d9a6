"""Engines that run shards: child processes, or the workers of a Dask cluster.

An engine only maps. What a shard costs, what happens when its process dies, and whether it has been done already is the
shard's own business, so that every engine gives the same result.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from crawler.batch.processes import ShardProcess, Task
from crawler.batch.shards import Done, ShardFailed, run_shard

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

ENGINES: Final = ("local", "dask")


class EngineError(Exception):
    """An engine is not available."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What the command line says of how to work.

    Attributes:
        workers: processes at a time; with its own Dask scheduler that cluster's matter.
        scheduler: address of a Dask scheduler; '' starts a cluster on this machine.
    """

    name: str
    workers: int
    scheduler: str = ""


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of commands that can work in shards."""
    parser.add_argument("--engine", choices=ENGINES, help="work in shards: processes here, or a Dask cluster")
    parser.add_argument("--workers", type=int, metavar="N", help="processes at a time (default: one per CPU)")
    parser.add_argument("--scheduler", metavar="ADDRESS", default="", help="Dask scheduler (default: one started here)")


def find_engine(options: argparse.Namespace) -> Engine | None:
    """Return the engine that the options ask for, if any.

    Raises:
        EngineError: they contradict one another.
    """
    if options.scheduler and options.engine != "dask":
        raise EngineError("--scheduler is for --engine dask")
    if options.workers is not None and options.workers < 1:
        raise EngineError("--workers must be 1 or more")
    if options.engine is None and options.workers is None:
        return None
    workers = options.workers or len(os.sched_getaffinity(0))
    return Engine(name=options.engine or "local", workers=workers, scheduler=options.scheduler)


def use_one_process() -> Engine:
    """Return the engine of commands that always work in shards, where nothing is requested."""
    return Engine(name="local", workers=1)


Run = Callable[["Sequence[Task]"], "Iterable[tuple[int, Done | ShardFailed]]"]
"""Runs shards; yields the number and the result of each as it finishes."""


def run_shards(run: Run, tasks: Sequence[Task], take: Callable[[Done], None]) -> list[Done]:
    """Run all shards.

    Args:
        run: what `open_engine` yields.
        take: called with each result as it arrives, in no particular order.

    Returns:
        The result of each, in the order of the tasks.

    Raises:
        ShardFailed: some could not be done; what was done of the others is found when it is tried again.
    """
    done: dict[int, Done] = {}
    failed: list[ShardFailed] = []
    for number, outcome in run(tasks):
        if isinstance(outcome, ShardFailed):
            failed.append(outcome)
        else:
            done[number] = outcome
            take(outcome)
    if failed:
        raise ShardFailed("; ".join(map(str, failed)))
    return [done[number] for number in range(len(tasks))]


@contextmanager
def open_engine(engine: Engine) -> Iterator[Run]:
    """Start an engine; its processes are used for all shards until the block ends.

    Raises:
        EngineError: the engine is not available.
    """
    if engine.name == "local":
        with ExitStack() as stack:
            idle: SimpleQueue[ShardProcess] = SimpleQueue()
            for _ in range(engine.workers):
                idle.put(stack.enter_context(ShardProcess(as_copy=True)))
            pool = stack.enter_context(ThreadPoolExecutor(engine.workers))
            yield lambda tasks: _run_local(pool, idle, tasks)
        return
    try:
        import distributed  # noqa: PLC0415 (an extra: one machine needs none)
    except ImportError as error:
        raise EngineError("--engine dask needs the extra 'dask': pip install 'newsreel[dask]'") from error
    started = {"n_workers": engine.workers, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.Client(engine.scheduler or None, **({} if engine.scheduler else started)) as client:
        yield lambda tasks: _run_dask(client, distributed.as_completed, tasks)


def _run_local(
    pool: ThreadPoolExecutor, idle: SimpleQueue[ShardProcess], tasks: Sequence[Task]
) -> Iterator[tuple[int, Done | ShardFailed]]:
    futures = {pool.submit(_attempt_idle, idle, task): number for number, task in enumerate(tasks)}
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        for future in futures:
            future.cancel()


def _run_dask(client: Any, iter_completed: Any, tasks: Sequence[Task]) -> Iterator[tuple[int, Done | ShardFailed]]:
    futures = {client.submit(_attempt, task, pure=False): number for number, task in enumerate(tasks)}
    for future in iter_completed(futures):
        yield futures[future], future.result()


def _attempt_idle(idle: SimpleQueue[ShardProcess], task: Task) -> Done | ShardFailed:
    """Run a shard in an idle process; there are as many processes as threads."""
    process = idle.get_nowait()
    try:
        return _attempt(task, process)
    finally:
        idle.put(process)


def _attempt(task: Task, process: ShardProcess | None = None) -> Done | ShardFailed:
    try:
        return run_shard(task, process)
    except ShardFailed as failure:
        return failure
