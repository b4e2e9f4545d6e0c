"""Images: what can be shown as one, as a data URL of bounded size. No library is loaded for it."""

from __future__ import annotations

import sys
from base64 import b64encode
from io import BytesIO
from typing import Any

LARGEST = 2_000_000  # bytes that are sent to a page
PIXELS = 40_000_000  # that a page is made to draw
SIDE = 1_000  # pixels to which larger pictures of PIL are reduced
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


class ImageTooLarge(Exception):
    """It is an image, and too large to be shown."""


def as_image(value: Any) -> dict[str, str] | None:
    """The image that a value is, or gives of itself, as its `image` and what is known of it; None for what is none.

    Raises:
        ImageTooLarge: it is too large to be shown.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return _shown(value)
    picture = getattr(sys.modules.get("PIL.Image"), "Image", None)
    if isinstance(picture, type) and isinstance(value, picture):
        return _of_pil(value)
    give = getattr(type(value), "_repr_png_", None)
    given = give(value) if callable(give) else None
    given = given[0] if isinstance(given, tuple) and given else given  # with metadata beside it
    return _shown(given) if isinstance(given, bytes) else None


def image_kind(data: Any) -> str:
    """What kind of image bytes are, by how they begin: "png", "jpeg", or nothing."""
    begins = bytes(data[:16])
    return "png" if begins.startswith(PNG) else "jpeg" if begins.startswith(JPEG) else ""


def _shown(data: Any) -> dict[str, str] | None:
    kind = image_kind(data)
    if not kind:
        return None
    if len(data) > LARGEST:
        raise ImageTooLarge(f"an image of {len(data):,} bytes is too large to be shown here")
    note = f"{kind.upper()}, {len(data):,} bytes"
    if kind == "png":
        width, height = (int.from_bytes(bytes(data[at : at + 4])) for at in (16, 20))
        if width * height > PIXELS:
            raise ImageTooLarge(f"an image of {width:,} × {height:,} pixels is too large to be shown here")
        note = f"{width:,} × {height:,}, {note}"
    return {"image": f"data:image/{kind};base64,{b64encode(data).decode()}", "note": note}


def _of_pil(picture: Any) -> dict[str, str] | None:
    width, height = picture.size
    if width * height > PIXELS:
        raise ImageTooLarge(f"an image of {width:,} × {height:,} pixels is too large to be shown here")
    small = picture.copy()
    small.thumbnail((SIDE, SIDE))
    kept = BytesIO()
    (small if small.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else small.convert("RGB")).save(kept, "PNG")
    shown = _shown(kept.getvalue())
    return shown and {**shown, "note": f"{width:,} × {height:,}, {picture.mode}"}
