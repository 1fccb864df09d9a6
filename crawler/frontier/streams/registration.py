"""The workers of one shared crawl: each registers with the server, and leaves its finished manifest there.

A crawl begins with the first worker of a job and ends when nothing of the job is left to fetch. The last worker to
leave writes the joint manifest and drops the registrations. Should it die instead, the job's next crawl finds them and
makes up for it.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from crawler.frontier.leases import LEASE_S
from crawler.frontier.streams.server import FrontierError, Server, ServerUnavailable
from crawler.runs.crawl_manifest import Manifest, build_joint, list_parts

if TYPE_CHECKING:
    from collections.abc import Callable

_KEEP_MS: Final = 600_000


class WorkerRegistration:
    """The registration of one worker.

    Args:
        url: of the server.
        job: which crawl the worker is at.
        worker: its id, as with the requests that it leases; begins with the instant at which its run began.
        write: puts a joint manifest on disk.
        lease_s: after so long a silence a worker is taken for dead.

    Raises:
        FrontierError: the server cannot be used.
    """

    def __init__(
        self,
        url: str,
        job: str,
        *,
        worker: str,
        write: Callable[[Manifest], None],
        lease_s: float = LEASE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = Server(url)
        self._prefix = f"newsreel:{{{job}}}:"
        self._job = job
        self._worker = worker
        self._write = write
        self._lease_ms = round(1000 * lease_s)
        self._clock = clock
        self._give_up_at: float | None = None
        self.crawl = ""

    def register(self, manifest: Manifest) -> str:
        """Register; return the id of the crawl.

        Raises:
            FrontierError: the server does not answer, or refuses.
        """
        try:
            return self._register(manifest)
        except ServerUnavailable as error:
            raise FrontierError("the frontier's server does not answer; try again when it does") from error

    def leave(self, manifest: Manifest) -> bool:
        """Leave the finished manifest; the last one to do so writes the joint one.

        Returns:
            Whether the run is finished; False while other workers of a finished crawl have still to leave theirs.
            Call again then; after the time of a lease they are no longer waited for.

        Raises:
            FrontierError: the server refuses.
        """
        try:
            state, *values = self._finish(manifest)
            if state == b"gone":
                self._take_over(values[0], manifest)
            elif state == b"over":
                coming, *texts = values
                if int(coming) and not self._has_waited():
                    return False
                self._end_crawl(build_joint(self.crawl, map(json.loads, texts)))
        except ServerUnavailable:
            return self._has_waited()
        return True

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    def _register(self, manifest: Manifest) -> str:
        began = f"{self._worker.partition('-')[0]}-{self._job}"
        keys = self._keys("crawl", "runs", "hosts", "workers", "closing")
        while True:
            answer = self._server.ask("register", keys, [self._worker, began, json.dumps(manifest), self._lease_ms])
            crawl, left = str(answer[0], "ascii"), answer[1:]
            if not left:
                self.crawl = crawl
                return crawl
            self._end_crawl(build_joint(crawl, map(json.loads, left)))

    def _finish(self, manifest: Manifest) -> list[bytes]:
        keys = self._keys("crawl", "runs", "hosts", "workers", "closing", "joint")
        values = [self._worker, self.crawl, json.dumps(manifest), self._lease_ms]
        answer: list[bytes] = self._server.ask("finish", keys, values)
        return answer

    def _take_over(self, text: bytes, manifest: Manifest) -> None:
        """Write the joint manifest that another worker has made; a worker that was too late adds itself."""
        joint = json.loads(text) if text else {"run": ""}
        if joint["run"] == self.crawl:
            self._write(build_joint(self.crawl, [*list_parts(joint), manifest]))

    def _end_crawl(self, joint: Manifest) -> None:
        self._write(joint)
        keys = self._keys("crawl", "runs", "closing", "joint")
        self._server.ask("end_crawl", keys, [joint["run"], json.dumps(joint), _KEEP_MS])

    def _has_waited(self) -> bool:
        if self._give_up_at is None:
            self._give_up_at = self._clock() + self._lease_ms / 1000
        return self._clock() >= self._give_up_at

    def _keys(self, *names: str) -> list[str]:
        return [self._prefix + name for name in names]
