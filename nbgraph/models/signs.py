"""Signs: texts that can be sent, for a Python text may hold halves of signs and UTF-8 may not."""

from __future__ import annotations


def sound(text: str) -> str:
    """The text with its surrogates in pairs put together; one that is alone becomes �."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
