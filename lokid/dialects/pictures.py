"""Pictures in answers: base64 in JSON, in either alphabet."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from lokid.chat import Image
from lokid.dialects.untrusted import mapping, text

MAX_PICTURES = 100


def inline(media_type: str, written: str) -> Image | None:
    """None: it is none."""
    if not media_type.startswith("image/"):
        return None
    try:
        data = base64.b64decode(written.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        return None
    return Image(media_type, data) if data else None


def linked(part: Mapping[str, Any]) -> Image | None:
    """Of ``{"image_url": {"url": ...}}``, as in a question: a ``data:`` URL or an address."""
    found = part.get("image_url")
    url = text(mapping(found).get("url")) or text(found)
    if not url.startswith("data:"):
        return Image(url=url) if url.startswith(("https:", "http:")) else None
    head, _, written = url[5:].partition(",")
    media_type, _, form = head.partition(";")
    return inline(media_type, written) if form.endswith("base64") else None
