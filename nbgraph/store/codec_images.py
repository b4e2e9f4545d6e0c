"""Images of PIL: mode, size, the bytes of the pixels, the palette, and what `info` says."""

from __future__ import annotations

from functools import cache
from typing import Any

from nbgraph.errors import NotStorable
from nbgraph.store import codec_forms as codes
from nbgraph.store.codec_containers import within
from nbgraph.store.codec_forms import MARKS, Kinds, Make, Malformed, Reader, Writer, exactly, refusal
from nbgraph.store.codec_outside import imported, needed

_PIXELS_A_BYTE = 8  # in the mode "1"; other modes have fewer
_MODES = frozenset(
    {"1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "PA", "La", "RGBa", "RGBX"}
    | {"I;16", "I;16L", "I;16B", "I;16N"}
)


@cache
def maker_of_image(kind: type) -> Make | None:
    """What gives the form of images."""
    image = imported("PIL").Image
    if issubclass(kind, image) and kind is not image:
        why = "it is tied to the file that it was opened from; return image.copy()"
        raise refusal(kind.__name__, why)
    return _image_form if kind is image else None


def _image_form(write: Writer, value: Any, left: int) -> Any:
    if value.mode not in _MODES:
        raise refusal(f"image of the mode {value.mode}", "convert it to one of the usual modes")
    palette = None
    if value.palette is not None:
        palette = [value.palette.mode, bytes(value.getpalette(value.palette.mode) or ())]
    try:
        info = write.form(value.info, left)
    except NotStorable as error:
        raise within(error, ".info") from None
    return [MARKS[codes.IMAGE], value.mode, list(value.size), value.tobytes(), palette, info]


def _image(read: Reader, parts: list[Any], left: int) -> Any:
    mode, size, data, palette, info = parts
    wide, high = (exactly(int, side) for side in exactly(list, size))
    if mode not in _MODES or wide < 0 or high < 0 or wide * high > len(exactly(bytes, data)) * _PIXELS_A_BYTE:
        raise Malformed("an image has more pixels than bytes")
    image = needed("PIL").frombytes(mode, (wide, high), data) if data else needed("PIL").new(mode, (wide, high))
    if palette is not None:
        form, colours = palette
        image.putpalette(exactly(bytes, colours), exactly(str, form))
    image.info = exactly(dict, read.value(info, left + 1))
    return image


IMAGES = Kinds(make={}, leaves={}, marks={codes.IMAGE: _image})
