"""A frontier that workers on several machines share, in Redis or Valkey Streams; `table` says how."""

from __future__ import annotations

from crawler.frontier.streams.crew import Crew
from crawler.frontier.streams.server import FrontierError, find_url, verify_server
from crawler.frontier.streams.table import StreamTable

__all__ = ["Crew", "FrontierError", "StreamTable", "find_url", "verify_server"]
