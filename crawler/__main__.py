"""`newsreel COMMAND`, which is `python -m crawler COMMAND`."""

from __future__ import annotations

import gc


def main() -> None:
    """Run one command.

    Modules stay until the process ends. The collector of cycles would walk through all of them again and again while
    they are imported, for a tenth of the start-up's CPU time, so it is off until the command runs.
    """
    gc.disable()
    from crawler.projects.main import main as run  # noqa: PLC0415 (it imports Scrapy)

    run()


if __name__ == "__main__":
    main()
