"""The codec and PIL: the same mode, size, pixels, palette and info."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nbgraph.errors import NotStorable, StoreDamaged
from nbgraph.store.classes import KNOWN
from nbgraph.store.codec import pack, unpack
from nbgraph.store.codec_forms import IMAGE
from nbgraph.store.codec_images import _MODES
from tests.store.values import check_damage, mark, mutated, there_and_back


def image(mode: str) -> Any:
    made = Image.new(mode, (5, 3))
    if mode in ("RGB", "RGBA"):
        made.putpixel((2, 1), (1, 2, 3, 4)[: len(mode)])
    return made


@pytest.mark.parametrize("mode", sorted(_MODES))
def test_an_image_of_every_mode_comes_back_exactly(mode: str) -> None:
    value = image(mode)
    value.info["dpi"] = (72, 72)
    read = there_and_back([value])[0]
    assert read == value
    assert (type(read), read.mode, read.size, read.info) == (Image.Image, mode, (5, 3), {"dpi": (72, 72)})
    assert read.tobytes() == value.tobytes()


def test_a_palette_is_kept() -> None:
    value = image("RGB").quantize(4)
    read = there_and_back(value)
    assert read == value
    assert read.convert("RGB").tobytes() == value.convert("RGB").tobytes()


def test_an_image_without_pixels_is_kept() -> None:
    assert there_and_back(Image.new("RGB", (0, 4))).size == (0, 4)


def test_an_opened_file_is_refused_with_the_way_out() -> None:
    file = io.BytesIO()
    image("RGB").save(file, "PNG")
    with pytest.raises(NotStorable, match=r"image\.copy\(\)"):
        pack(Image.open(file))
    assert there_and_back(Image.open(file).copy()) == image("RGB")


def test_info_that_cannot_be_kept_is_refused() -> None:
    value = image("L")
    value.info["file"] = object()
    with pytest.raises(NotStorable) as caught:
        pack({"picture": value})
    assert caught.value.path == '["picture"].info["file"]'


@pytest.mark.parametrize(
    "data",
    [
        mark(IMAGE, "RGB", [2**20, 2**20], b"123", None, {}),
        mark(IMAGE, "RGB", [-1, -1], b"123", None, {}),
        mark(IMAGE, "eval", [1, 1], b"123", None, {}),
        mark(IMAGE, "RGB", [1, 1], b"12", None, {}),
        mark(IMAGE, "P", [1, 1], b"1", [5, 5], {}),
    ],
    ids=["larger than its bytes", "of no size", "of no mode", "cut off", "of no palette"],
)
def test_what_was_never_an_image_is_damage(data: bytes) -> None:
    with pytest.raises(StoreDamaged):
        unpack(data, KNOWN)


@settings(max_examples=60, deadline=None)
@given(mutated(st.sampled_from(sorted(_MODES)).map(image).map(pack)))
def test_mutated_images_are_a_value_or_damage(data: bytes) -> None:
    check_damage(data)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@given(mutated(st.sampled_from(sorted(_MODES)).map(image).map(pack)))
def test_thousands_of_mutated_images(data: bytes) -> None:
    check_damage(data)
