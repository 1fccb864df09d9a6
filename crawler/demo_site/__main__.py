"""Serve the newspaper for people: `python -m crawler.demo_site [--port N] [--edition N]`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from typing import TYPE_CHECKING

from crawler.demo_site.server import Newspaper

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m crawler.demo_site", description="Serve the newspaper.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; any free one by default")
    parser.add_argument("--edition", type=int, default=1, choices=(1, 2), help="which edition to serve")
    options = parser.parse_args(arguments)
    try:
        with Newspaper(port=options.port, edition=options.edition) as newspaper:
            sys.stdout.write(f"{newspaper.base_url}/\n")
            sys.stdout.flush()
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()
    except OSError as error:
        sys.stderr.write(f"{error.strerror}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
