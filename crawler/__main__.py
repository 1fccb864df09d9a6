"""`python -m crawler COMMAND` is `newsreel COMMAND`, where that is not on the path."""

from __future__ import annotations

from crawler.projects.main import main

if __name__ == "__main__":
    main()
