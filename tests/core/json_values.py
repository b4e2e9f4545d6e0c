"""Random nested values as they come from JSON, and random changes of them in place."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

atoms = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)


def containers() -> st.SearchStrategy[Any]:
    """Nested lists and dicts, NaN and shared parts among them."""
    nested = st.recursive(
        atoms, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4)
    )
    whole = st.lists(nested, max_size=4) | st.dictionaries(st.text(max_size=2), nested, max_size=4)
    return whole | whole.map(lambda value: {"one": value, "other": [value]})


def mutate(value: Any, chance: random.Random) -> None:
    """Change one container within `value` in place, so that it no longer equals what it was."""
    target = chance.choice(_containers(value))
    places = list(target) if isinstance(target, dict) else list(range(len(target)))
    change = chance.choice(["add", "remove", "replace"] if places else ["add"])
    if change == "remove":
        del target[chance.choice(places)]
    elif change == "replace":
        target[chance.choice(places)] = "a new value"
    elif isinstance(target, dict):
        target["a new key"] = None
    else:
        target.insert(chance.randint(0, len(target)), "a new value")


def _containers(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [] if inner is None else [value, *(found for each in inner for found in _containers(each))]
