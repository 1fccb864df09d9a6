"""The structural fingerprint of a page's template: what stands around headline and text, without a word of either.

Articles of one template have the same fingerprint, and one that is redesigned gets another. What differs from article
to article of one template is left out: ids, classes with figures or of hashed names, and those that systems give each
entry (`category-politics`, `post-123`).
"""

from __future__ import annotations

import re
from collections import Counter
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.page.page import Page

_CLASS = re.compile(r"[a-z]+(?:[-_]+[a-z]+)*$")
_OF_ENTRY = re.compile(
    r"(?:article|author|category|cat|format|keyword|lang|page|post|section|single|status|tag|topic|type)[-_]|has[-_]|is[-_]"
)
_MAX_CLASSES, _MAX_DEPTH = 4, 40
_MAX_PARAGRAPHS = 60


def fingerprint(page: Page) -> str:
    """Return eight hexadecimal digits for the template of a page, or '' where it shows neither headline nor text."""
    headline = next(iter(page.marked["h1"]), None)
    held = Counter(element.getparent() for element in islice(page.root.iter("p"), _MAX_PARAGRAPHS))
    text = max(held, key=held.__getitem__, default=None)
    paths = [_describe(element) for element in (headline, text) if element is not None]
    return blake2b("\n".join(paths).encode(), digest_size=4).hexdigest() if paths else ""


def _describe(element: Any) -> str:
    """Return tags and classes of an element and of those that it is in."""
    chain = [element, *islice(element.iterancestors(), _MAX_DEPTH)]
    return ">".join(_name(one) for one in reversed(chain))


def _name(element: Any) -> str:
    if element.tag in ("html", "body"):
        return str(element.tag)
    words = (element.get("class") or "").split()
    kept = sorted({word for word in words if _CLASS.match(word) and not _OF_ENTRY.match(word)})[:_MAX_CLASSES]
    return ".".join((element.tag, *kept))
