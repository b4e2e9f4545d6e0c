from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, SecretStr

from nbgraph.view.values import LIMIT, MASK, names_secret, secret, short, short_update, shorten, unseen


@dataclass
class Account:
    user: str
    password: str


class Login(BaseModel):
    user: str
    api_key: str


class Pair(NamedTuple):
    name: str
    token: str


@pytest.mark.parametrize("key", ["password", "api_key", "apiKey", "API_KEY", "github_token", "client_secret", "db-pwd"])
def test_keys_that_name_a_secret_are_known(key):
    assert secret(key)
    assert short(key, "s3cr3t") == MASK


@pytest.mark.parametrize("key", ["text", "token_count", "tokens", "max_tokens", "secretary", "key", "monkey"])
def test_other_keys_are_shown(key):
    assert not secret(key)


@pytest.mark.parametrize(
    "value",
    [
        {"user": "ann", "password": "s3cr3t"},
        [{"deep": {"api_key": "s3cr3t"}}],
        Account("ann", "s3cr3t"),
        Login(user="ann", api_key="s3cr3t"),
        Pair("ann", "s3cr3t"),
        SecretStr("s3cr3t"),
        {"settings": SecretStr("s3cr3t")},
    ],
)
def test_secrets_within_values_are_masked(value):
    assert "s3cr3t" not in short("value", value)
    assert MASK in short("value", value)


def test_a_reason_that_tells_of_a_secret_is_known():
    assert names_secret("password 'x' == 'x'")
    assert not names_secret("score 6 < 7, 1 of 3")


@pytest.mark.parametrize(
    "value", ["x" * 10_000_000, list(range(100_000)), {i: i for i in range(9999)}, 10**5000], ids=type
)
def test_large_values_are_short(value):
    assert len(short("value", value)) <= LIMIT


def test_a_value_whose_repr_raises_is_still_shown():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    assert "Broken" in short("value", Broken())


def test_addresses_are_left_out():
    assert short("value", object()) == "<object object>"


def test_text_is_one_line_without_control_characters():
    assert shorten("\x1b[31mred\x1b[0m\n\tand\x00 dead\ud800") == "red and dead"
    assert shorten("x" * 200, 10) == "x" * 9 + "…"


def test_an_update_of_many_keys_says_how_many_were_left_out():
    assert short_update({f"k{i}": i for i in range(20)})["…"] == "8 more"


def test_a_short_text_does_not_turn_the_direction_of_what_stands_beside_it():
    assert shorten("a\u202eb\u2066c \u05e9") == "abc \u05e9"


def test_of_characters_that_cannot_be_seen_the_first_few_are_named():
    assert unseen("a\u200bb\u200b") == "It may not be what it looks like: characters in it cannot be seen (U+200B)."
    assert unseen("".join(map(chr, range(7)))).endswith("(U+0000, U+0001, U+0002, U+0003, U+0004, others).")
    assert unseen("a b\n\tc") == ""


def test_a_frame_and_a_large_array_are_told_by_what_they_hold_and_not_by_their_cells():
    frame = pd.DataFrame({"user": ["ann"], "password": ["s3cr3t"]})
    assert short("x", frame) == "DataFrame 1 × 2: user, password"
    assert short("x", {"a": [frame]}) == "{'a': [DataFrame 1 × 2: user, password]}"
    assert short("x", pd.DataFrame({f"c{number}": [1] for number in range(9)})).endswith("c4, c5, …")
    assert short("x", pd.Series(range(9))) == "Series 9: int64"
    assert short("x", np.zeros((100, 3))) == "ndarray 100 × 3: float64"


def test_a_small_array_is_shown_whole():
    assert short("x", np.array([1, 2, 3])) == "array([1, 2, 3])"
