"""A frontier shared by workers on several machines, in Redis or Valkey Streams; see `table`."""

from __future__ import annotations

from crawler.frontier.streams.crew import Crew
from crawler.frontier.streams.owed import SharedOwedTable
from crawler.frontier.streams.server import FrontierError, find_url, verify_server
from crawler.frontier.streams.table import StreamTable

__all__ = ["Crew", "FrontierError", "SharedOwedTable", "StreamTable", "find_url", "verify_server"]
