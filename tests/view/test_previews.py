"""Values as lines and as pages: bounded, secrets masked, whatever foreign classes do."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import UserDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import BaseModel, SecretStr

from nbgraph.view.images import LARGEST
from nbgraph.view.previews import CHARACTERS, COLUMNS, LINE, PARTS, ROWS, Hidden, opened, part, preview
from nbgraph.view.values import MASK


@dataclass
class Account:
    user: str
    password: str


class Login(BaseModel):
    user: str
    api_key: str


def png(width: int = 4, height: int = 3) -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(kept, "PNG")
    return kept.getvalue()


# Lines


@pytest.mark.parametrize(
    ("value", "short", "size", "opens"),
    [
        ("bees", "'bees'", "", False),
        ("one\ntwo", "'one two'", "", True),
        (7, "7", "", False),
        (None, "None", "", False),
        ([], "[]", "0 items", False),
        ([1, 2], "[1, 2]", "2 items", True),
        ({"a": 1}, "{'a': 1}", "1 key", True),
        (Account("ann", "s3cr3t"), f"Account(user='ann', password={MASK})", "", True),
        (b"", "b''", "0 bytes", False),
    ],
)
def test_a_value_is_a_line_that_says_whether_there_is_more(value: Any, short: str, size: str, opens: bool) -> None:
    line = preview("value", value)
    assert (line["short"], line["size"], line["open"]) == (short, size, opens)


def test_the_line_of_a_long_text_is_short_and_says_how_long_it_is() -> None:
    line = preview("text", "x" * 1_000_000)
    assert len(line["short"]) <= LINE + 3
    assert (line["size"], line["open"]) == ("1,000,000 characters", True)


# Pages


def test_a_long_text_comes_in_pages() -> None:
    text = "".join(chr(97 + place % 26) for place in range(5_000))
    first = opened(text)
    rest = [opened(text, offset)["text"] for offset in range(0, 5_000, CHARACTERS)]
    assert "".join(rest) == text
    assert (first["shown"], first["length"]) == (CHARACTERS, 5_000)
    assert opened(text, 4_000)["shown"] == 5_000


def test_a_long_list_comes_in_pages_whose_lines_can_be_opened() -> None:
    value = [[number] for number in range(120)]
    page = opened(value, 100)
    assert [line["at"] for line in page["parts"]] == list(range(100, 120))
    assert (page["shown"], page["length"]) == (120, 120)
    assert part(value, 119) == ("119", [119])
    assert len(opened(value)["parts"]) == PARTS


def test_keys_that_are_no_texts_are_labels_too() -> None:
    page = opened({1: "one", (2, 3): "pair", "three": 3})
    assert [line["label"] for line in page["parts"]] == ["1", "(2, 3)", "three"]


@pytest.mark.parametrize(
    "value", [Account("ann", "s"), Login(user="ann", api_key="s"), SimpleNamespace(user="ann", token="s")]
)
def test_an_object_is_opened_by_field_with_its_secrets_masked(value: Any) -> None:
    lines = opened(value)["parts"]
    assert [line["short"] for line in lines] == ["'ann'", MASK]
    assert not lines[1]["open"]
    with pytest.raises(Hidden):
        part(value, 1)


@pytest.mark.parametrize("value", [{"password": "s3cr3t"}, {"key": SecretStr("s3cr3t")}, [SecretStr("s3cr3t")]])
def test_secrets_within_values_are_on_no_page(value: Any) -> None:
    assert "s3cr3t" not in json.dumps([opened(value), preview("value", value)])
    with pytest.raises(Hidden):
        part(value, 0)
    assert "s3cr3t" not in json.dumps(opened(SecretStr("s3cr3t")))


def test_the_text_of_an_object_that_speaks_of_a_secret_is_masked() -> None:
    class Client:
        __slots__ = ()

        def __repr__(self) -> str:
            return "Client(api_key='s3cr3t')"

    assert opened(Client()) == {"kind": "none", "note": MASK}


def test_there_is_nothing_at_a_place_beyond_the_end() -> None:
    for value in ([1], {"a": 1}, 7, "text"):
        with pytest.raises(IndexError):
            part(value, 5)


# Tables


FRAME = pd.DataFrame({f"c{number}": range(50) for number in range(30)})


def test_a_frame_is_a_table_of_some_rows_and_columns_with_their_labels() -> None:
    page = opened(FRAME, 40, 24)
    assert page["columns"] == [f"c{number}" for number in range(24, 30)]
    assert page["rows"][0] == ["40", *["40"] * 6]
    assert (len(page["rows"]), page["length"], page["width"]) == (10, 50, 30)
    assert len(opened(FRAME)["rows"]) == ROWS
    assert len(opened(FRAME)["columns"]) == COLUMNS
    assert preview("frame", FRAME)["size"] == "50 × 30"
    assert preview("frame", FRAME)["short"] == "c0, c1, c2, c3, c4, c5, c6, c7, …"


def test_cells_are_short_texts_and_a_secret_column_is_masked() -> None:
    frame = pd.DataFrame(
        {"name": ["x" * 500], "password": ["s3cr3t"], "at": [pd.Timestamp("2026-01-02")], "f": [1 / 3]}
    )
    page = opened(frame)
    assert len(page["rows"][0][1]) <= 60
    assert page["rows"][0][2:] == [MASK, "2026-01-02 00:00:00", "0.333333"]
    assert "s3cr3t" not in json.dumps([page, preview("frame", frame)])


def test_a_series_is_a_table_with_its_index() -> None:
    page = opened(pd.Series([1.5, 2.5], index=["a", "b"], name="score"))
    assert (page["columns"], page["rows"]) == (["score"], [["a", "1.5"], ["b", "2.5"]])
    assert page["note"] == "float64"


def test_arrays_are_tables_and_those_of_more_dimensions_lists_of_arrays() -> None:
    assert opened(np.arange(3))["rows"] == [["0", "0"], ["1", "1"], ["2", "2"]]
    assert opened(np.arange(6).reshape(2, 3))["columns"] == ["0", "1", "2"]
    cube = np.zeros((4, 2, 2))
    assert [line["size"] for line in opened(cube)["parts"]] == ["2 × 2"] * 4
    assert preview("cube", cube)["size"] == "4 × 2 × 2"
    assert opened(part(cube, 3)[1])["kind"] == "table"
    assert preview("nothing", np.array(3))["short"] == "array(3)"


def test_an_empty_frame_and_an_empty_array_are_tables_without_rows() -> None:
    assert opened(pd.DataFrame())["rows"] == []
    assert opened(np.zeros((0, 3)))["rows"] == []


def test_no_library_is_loaded_to_look_at_a_value() -> None:
    code = "import sys\nfrom nbgraph.view.previews import opened, preview\nopened([1]); preview('x', b'x' * 20)\n"
    code += "print([name for name in ('numpy', 'pandas', 'PIL') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


# Images


class Plot:
    def __init__(self, given: Any) -> None:
        self.given = given

    def _repr_png_(self) -> Any:
        return self.given


@pytest.mark.parametrize("value", [png(), bytearray(png()), Plot(png()), Plot((png(), {"width": 3}))])
def test_what_is_a_png_is_an_image(value: Any) -> None:
    page = opened(value)
    assert page["kind"] == "image"
    assert page["image"].startswith("data:image/png;base64,")
    assert page["note"].startswith("4 × 3")


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "CMYK", "F"])
def test_a_picture_of_pil_is_an_image_of_bounded_size(mode: str) -> None:
    page = opened(Image.new(mode, (3_000, 20)))
    assert page["image"].startswith("data:image/png;base64,")
    assert page["note"] == f"3,000 × 20, {mode}"


def test_bytes_of_a_jpeg_are_an_image_and_others_are_text() -> None:
    kept = io.BytesIO()
    Image.new("RGB", (2, 2)).save(kept, "JPEG")
    assert opened(kept.getvalue())["image"].startswith("data:image/jpeg;base64,")
    assert opened(b"GIF89a" + bytes(20))["kind"] == "text"
    assert preview("picture", png())["short"] == "PNG image"


@pytest.mark.parametrize(
    "value", [png()[:8] + bytes(LARGEST), png()[:16] + b"\x00\x01\x00\x00" * 2, Image.new("1", (9_000, 9_000))]
)
def test_an_image_that_is_too_large_is_not_sent(value: Any) -> None:
    page = opened(value)
    assert page["kind"] == "none"
    assert "too large" in page["note"]


@pytest.mark.parametrize("given", [None, "text", 7, (), b"", b"no image"])
def test_an_object_that_gives_no_image_is_told_by_its_fields(given: Any) -> None:
    assert opened(Plot(given))["kind"] == "parts"


# Hostile ones


class Raising:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise SystemExit


class Endless(dict[Any, Any]):
    def items(self) -> Any:
        number = 0
        while True:
            yield number, number
            number += 1

    def __len__(self) -> int:
        raise ValueError


class Loud(str):
    def __getitem__(self, place: Any) -> str:
        raise RuntimeError

    def __len__(self) -> int:
        return -1

    def __str__(self) -> str:
        raise RuntimeError


class Meta(type):
    @property
    def __name__(cls) -> str:
        raise RuntimeError


class Odd(metaclass=Meta):
    pass


def recursive() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


HOSTILE = [
    Raising(),
    Endless({1: 1}),
    Loud("x" * 9),
    Odd(),
    recursive(),
    type("Huge", (), {"__repr__": lambda _: "y" * 10**7})(),
]
HOSTILE += [10**6000, float("nan"), UserDict({"a": recursive()}), deque([1]), iter([1]), Raising, "\x00\x1b[31m\ud800"]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_value_is_a_line_and_a_page_that_can_be_sent(number: int) -> None:
    value = HOSTILE[number]
    for told in (preview("value", value), opened(value), opened([value]), opened({"a": value}, 0)):
        assert len(json.dumps(told, allow_nan=False).encode()) < 20_000


def test_what_contains_itself_is_opened_as_deep_as_one_goes() -> None:
    value: Any = recursive()
    for _ in range(50):
        _, value = part(value, 0)
    assert opened(value)["length"] == 1


def test_what_can_be_gone_through_only_once_is_left_alone() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    value = numbers()
    opened(value)
    preview("value", value)
    assert next(value) == 1
