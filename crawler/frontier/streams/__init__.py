"""A frontier shared by workers on several machines, in Redis or Valkey Streams; see `table`."""

from __future__ import annotations

from crawler.frontier.streams.owed import SharedOwedTable
from crawler.frontier.streams.registration import WorkerRegistration
from crawler.frontier.streams.server import FrontierError, find_url, verify_server
from crawler.frontier.streams.table import StreamTable

__all__ = ["FrontierError", "SharedOwedTable", "StreamTable", "WorkerRegistration", "find_url", "verify_server"]
