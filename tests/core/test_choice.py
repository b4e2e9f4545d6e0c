"""Choice: what a reader is given. (Which edges a task takes is shown in test_scheduler.py.)"""

from __future__ import annotations

import pytest

from nbgraph.core.choice import arguments
from nbgraph.core.signature import Read
from nbgraph.errors import MissingKey


def test_a_missing_key_names_node_key_the_nearest_name_and_the_remedy() -> None:
    with pytest.raises(MissingKey, match=r"draft needs the key 'topic'.*did you mean 'topics'.*as an input"):
        arguments("draft", "draft", [Read("topic", True)], {"topics": 1})


def test_an_optional_key_that_is_not_there_is_left_out() -> None:
    assert arguments("a", "a", [Read("x", True), Read("y", False)], {"x": 1, "z": 2}) == {"x": 1}
