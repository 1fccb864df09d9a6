"""`newsreel COMMAND`, which is `python -m crawler COMMAND`."""

from __future__ import annotations

import gc
import signal


def main() -> None:
    """Run one command.

    Modules stay until the process ends. The collector of cycles would walk through all of them again and again while
    they are imported, for a tenth of the start-up's CPU time, so it is off until the command runs.
    Ctrl-C ends the process at once until then, without a traceback; some libraries would ignore it.
    """
    gc.disable()
    is_handled = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_handled:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from crawler.projects.main import main as run  # noqa: PLC0415 (it imports Scrapy)

    if is_handled:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
