"""Processes that do shards, one after another.

`python -m crawler.batch.processes` is such a process: it reads a task and a folder from each line of standard input,
and answers each with a line. A copy of a running command does the same and need not start Python and import everything.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn, Self

from crawler.projects.collector import spare_imports

if TYPE_CHECKING:
    from collections.abc import Mapping

RESULT: Final = "result.json"
"""What a shard's function returned, in its folder."""
_ROOT: Final = Path(__file__).resolve().parents[2]
_INTERRUPTED: Final = 130
_STDIN: Final = 0
_STDOUT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One shard and what is to be done with it; plain data, so that it may be sent anywhere.

    Attributes:
        function: `module:name` of `(arguments, files, folder) -> result`; it leaves its outputs in the folder.
        folder: of the job.
        files: paths of the shard's files: WARC files, or what a job has cut its work into.
        arguments: values that JSON can hold; `span` if the shard is part of a file.
    """

    function: str
    folder: str
    files: tuple[str, ...]
    arguments: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The first file's name, for people."""
        return Path(self.files[0]).name


@dataclass(frozen=True, slots=True)
class _Child:
    """A process, and the pipes to it and from it."""

    pid: int
    tasks: IO[str]
    answers: IO[str]

    def ask(self, task: Task, folder: Path) -> bool:
        """Have a shard done; return False if the process ended instead."""
        with suppress(BrokenPipeError):  # it has died, as its missing answer will show
            self.tasks.write(json.dumps([asdict(task), str(folder)]) + "\n")
            self.tasks.flush()
        return bool(self.answers.readline())

    def wait(self) -> int:
        """Wait until the process has ended, and return its exit code; negative if it was killed."""
        _, status = os.waitpid(self.pid, 0)
        self.close()
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """Close the pipes; the process ends as soon as it notices."""
        for _ in range(2):
            with suppress(BrokenPipeError):  # closing tries once more to write what is buffered
                self.tasks.close()
        self.answers.close()


class ShardProcess:
    """A process that runs one shard after another; if it dies, the next shard starts a new one.

    Args:
        as_copy: begin with a copy of this process, unless it has other threads, whose locks nobody would release in the
            copy. Copies must end in reverse order, since each holds the pipes to those made before it.
    """

    def __init__(self, *, as_copy: bool = False) -> None:
        self._child = _start(as_copy=True) if as_copy and threading.active_count() == 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child:
            self._child.close()
            self._child.wait()

    def do(self, task: Task, folder: Path) -> int:
        """Run a shard's function.

        Returns:
            0, or the exit code if the process ended instead; negative if it was killed.
        """
        child = self._child = self._child or _start(as_copy=False)
        try:
            if child.ask(task, folder):
                return 0
        except BaseException:
            os.kill(child.pid, signal.SIGKILL)
            raise
        self._child = None
        return child.wait()


def _start(*, as_copy: bool) -> _Child:
    tasks_end, tasks = os.pipe()
    answers, answers_end = os.pipe()
    if as_copy:
        pid = os.fork()
        if pid == 0:
            os.close(tasks)
            os.close(answers)
            _serve_to_the_end(tasks_end, answers_end)
    else:
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "crawler.batch.processes"],
            os.environ | {"PYTHONPATH": path},
            file_actions=[(os.POSIX_SPAWN_DUP2, tasks_end, _STDIN), (os.POSIX_SPAWN_DUP2, answers_end, _STDOUT)],
        )
    os.close(tasks_end)
    os.close(answers_end)
    return _Child(pid, os.fdopen(tasks, "w"), os.fdopen(answers))


def _serve_to_the_end(tasks: int, answers: int) -> NoReturn:
    """Serve, and leave this process without doing what the one it was copied from has still to do."""
    try:
        _serve(tasks, answers)
    except BaseException:  # noqa: BLE001 (as the interpreter does)
        sys.excepthook(*sys.exc_info())
    os._exit(1)


def _serve(tasks_end: int, answers_end: int) -> NoReturn:
    # The parent is interrupted as well, and says so.
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    # What a shard's function prints must not be taken for an answer.
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), _STDOUT)
    tasks: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_follow_parent, args=(tasks_end, tasks), daemon=True).start()
    function = ""
    with os.fdopen(answers_end, "w") as answers:
        while True:
            values, name = json.loads(tasks.get())
            module, _, attribute = values["function"].partition(":")
            do = getattr(importlib.import_module(module), attribute)
            if values["function"] != function:
                function = values["function"]
                spare_imports()
            result = do(values["arguments"], [Path(file) for file in values["files"]], Path(name))
            Path(name, RESULT).write_text(json.dumps(result), "utf-8")
            print(file=answers, flush=True)


def _follow_parent(tasks_end: int, tasks: SimpleQueue[str]) -> None:
    with os.fdopen(tasks_end) as lines:
        for line in lines:
            tasks.put(line)
    # The pipe stays open as long as the parent lives, so that the child need not outlive it.
    os._exit(0)


if __name__ == "__main__":
    _serve(_STDIN, os.dup(_STDOUT))
