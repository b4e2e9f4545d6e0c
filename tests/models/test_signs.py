"""Signs: what cannot be sent becomes what can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbgraph.models.signs import sound
from tests.models.kinds import SOME


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("plain é \U0001f600", "plain é \U0001f600"),
        ("\ud83d\ude00", "\U0001f600"),
        ("a\ud83d", "a�"),
        ("\ude00\ud83d", "��"),
    ],
)
def test_halves_are_put_together_or_shown_as_missing(text: str, sent: str) -> None:
    assert sound(text) == sent


@SOME
@given(st.text(alphabet=st.characters()))
def test_any_text_can_be_sent_and_a_sound_one_is_unchanged(text: str) -> None:
    sent = sound(text)
    sent.encode()
    assert sound(sent) == sent
