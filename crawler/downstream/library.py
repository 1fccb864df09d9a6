"""Where `Library` was documented before it could be imported from `crawler`."""

from __future__ import annotations

import warnings

from crawler.publishing.library import Library

__all__ = ["Library"]

warnings.warn("crawler.downstream is no more: use 'from crawler import Library'", DeprecationWarning, stacklevel=2)
