"""Commands in processes forked from one that has our modules loaded already.

The tests start a thousand commands, and each would spend most of its time on the imports. A forked process has an
identity, standard streams, signals and an exit code of its own. At its end it waits for its threads, calls what is
registered for the exit and flushes, but does not take its modules apart. What Python reads from the environment at its
start it takes from the process that forks, see `can_fork`.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from importlib import import_module, reload
from pathlib import Path
from pkgutil import walk_packages
from typing import IO, TYPE_CHECKING, Any, Final, Self

import chardet
from scrapy.settings import default_settings

from crawler import settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ROOT: Final = Path(__file__).resolve().parent.parent
_MAX_REQUEST_BYTES: Final = 1 << 20
_STREAMS: Final = 3
# Read by the interpreter, or by a library when it is imported.
_AT_START: Final = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "OPENSSL_")
_PACKAGES: Final = (
    *("archives", "pipelines", "crawler"),
    *("scrapy.commands", "scrapy.downloadermiddlewares", "scrapy.spidermiddlewares"),
)
_MODULES: Final = (
    *("scrapy.cmdline", "scrapy.core.downloader.handlers.http11", "scrapy.logformatter", "scrapy.statscollectors"),
    *(extension.rpartition(".")[0] for extension in default_settings.EXTENSIONS_BASE),
    "pypinyin",  # imported by the first Chinese title
)
_LEFT_OUT: Final = "crawler.projects.settings"  # it reads the environment
_STARTING: Final = threading.Lock()


def can_fork(environment: Mapping[str, str]) -> bool:
    """Return whether a new interpreter would start in this environment as ours did."""
    return _select_start(environment) == _select_start(os.environ)


def _select_start(environment: Mapping[str, str]) -> dict[str, str]:
    selected = {name: value for name, value in environment.items() if name.startswith(_AT_START)}
    if not any(Path(folder, "sitecustomize.py").exists() for folder in _list_paths(environment)):
        selected.pop("PYTHONPATH", None)  # its folders are added to a forked process
    return selected


def _list_paths(environment: Mapping[str, str]) -> list[str]:
    return [folder for folder in environment.get("PYTHONPATH", "").split(os.pathsep) if folder]


class ForkedProcess:
    """`python -m module arguments`, used as a `subprocess.Popen`; its streams are text.

    Args:
        stdout: a file, `subprocess.PIPE` or `subprocess.DEVNULL`; None is ours.
        stderr: likewise.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        cwd: Path,
        environment: Mapping[str, str],
        stdin: IO[str] | int = subprocess.DEVNULL,
        stdout: IO[Any] | int | None = None,
        stderr: IO[Any] | int | None = None,
    ) -> None:
        self.args = [module, *arguments]
        self.returncode: int | None = None
        self.stdout, out = _open_output(stdout, 1)
        self.stderr, errors = _open_output(stderr, 2)
        source = os.open(os.devnull, os.O_RDONLY) if isinstance(stdin, int) else os.dup(stdin.fileno())
        request = {"cwd": str(cwd), "environment": dict(environment), "module": module, "arguments": arguments}
        self._answers = _start_server().send(request, [source, out, errors])
        for descriptor in (source, out, errors):
            os.close(descriptor)
        self.pid = self._read_answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._answers.settimeout(timeout)
            try:
                self.returncode = self._read_answer()
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self._answers.close()
        return self.returncode

    def _read_answer(self) -> int:
        answer = self._answers.recv(16)
        assert answer, "the process that forks has ended; its own error is above"
        return int(answer)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return all that it writes, and wait for its end."""
        with ThreadPoolExecutor(2) as pool:
            reads = [pool.submit(stream.read) if stream else None for stream in (self.stdout, self.stderr)]
            try:
                out, errors = (read.result(timeout) if read else "" for read in reads)
            except TimeoutError:
                self.kill()
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
        self.__exit__()
        return out, errors

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _open_output(target: IO[Any] | int | None, ours: int) -> tuple[IO[str] | None, int]:
    """Return what we read of a stream, and the descriptor that the process writes to."""
    if target == subprocess.PIPE:
        reading, writing = os.pipe()
        return os.fdopen(reading, encoding="utf-8"), writing
    if target == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_WRONLY)
    return None, os.dup(ours if target is None or isinstance(target, int) else target.fileno())


@lru_cache(maxsize=1)
def _load_server() -> _Server:
    return _Server()


def _start_server() -> _Server:
    with _STARTING:  # tests run commands in threads
        return _load_server()


class _Server:
    """The process that forks, as the tests see it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MAX_REQUEST_BYTES)
        with theirs:
            command = [sys.executable, "-m", "tests.forkserver", str(theirs.fileno())]
            nothing, inherited = subprocess.DEVNULL, (theirs.fileno(),)
            self._process = subprocess.Popen(command, cwd=_ROOT, pass_fds=inherited, stdin=nothing, stdout=nothing)
        atexit.register(self._close)

    def send(self, request: dict[str, Any], streams: list[int]) -> socket.socket:
        """Return where the process's identity is read, and then its exit code."""
        answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(self._socket, [json.dumps(request).encode()], [*streams, theirs.fileno()])
        return answers

    def _close(self) -> None:
        self._socket.close()
        self._process.wait()


class _Forker:
    """Forks a process for every request, and says how it ended; leaves when the tests do."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)

    def wait_for_request(self) -> dict[str, Any]:
        """Return in a new process, once for every request."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._connection:
                    self._report(key)
                elif request := self._fork():
                    return request

    def _fork(self) -> dict[str, Any] | None:
        message, descriptors, *_ = socket.recv_fds(self._connection, _MAX_REQUEST_BYTES, _STREAMS + 1)
        if not message:
            os._exit(0)
        *streams, last = descriptors
        answers = socket.socket(fileno=last)
        pid = os.fork()
        if pid == 0:
            answers.close()
            self._forget()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
        else:
            answers.send(str(pid).encode())
            self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, answers))
        for stream in streams:
            os.close(stream)
        return json.loads(message) if pid == 0 else None

    def _report(self, key: selectors.SelectorKey) -> None:
        pid, answers = key.data
        self._selector.unregister(key.fileobj)
        os.close(key.fd)
        _, status = os.waitpid(pid, 0)
        with answers, suppress(BrokenPipeError):  # the test has stopped waiting
            answers.send(str(os.waitstatus_to_exitcode(status)).encode())

    def _forget(self) -> None:
        """Close in the new process what belongs to the one that forks."""
        for key in list(self._selector.get_map().values()):
            if key.fileobj is not self._connection:
                os.close(key.fd)
                key.data[1].close()
        self._selector.close()
        self._connection.close()


def _preload() -> None:
    """Import what a command and a crawl need."""
    for package in _PACKAGES:
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            if module.name != _LEFT_OUT and not module.name.endswith(".__main__"):
                import_module(module.name)
    for name in _MODULES:
        import_module(name)
    chardet.detect("día".encode("latin-1"))  # loads its tables
    assert "twisted.internet.reactor" not in sys.modules  # it belongs to one process
    gc.collect()
    gc.freeze()  # the collector of a forked process leaves alone what is shared with ours


def main(arguments: Sequence[str]) -> None:
    _preload()
    request = _Forker(socket.socket(fileno=int(arguments[0]))).wait_for_request()
    _open_streams()
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    sys.path[:1] = [request["cwd"], *_list_paths(os.environ)]
    sys.argv[1:] = request["arguments"]
    reload(settings)  # they read the environment
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as leaving:
        if not isinstance(leaving.code, int | None):
            raise
        _leave(leaving.code or 0)
    _leave(0)


def _open_streams() -> None:
    """Open the standard streams once more: those of the process that forks remember whether its own files can seek."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        former = getattr(sys, name)
        buffering = 1 if name == "stderr" else -1
        stream = os.fdopen(number, "w" if number else "r", buffering, former.encoding, former.errors, closefd=False)
        setattr(sys, name, stream)


def _leave(code: int) -> None:
    """Do what an interpreter does at its end, but for the modules: to free them takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main(sys.argv[1:])
