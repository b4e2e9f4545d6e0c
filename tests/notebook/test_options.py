"""options: the tables of what every magic takes, and the help that is made of them."""

from __future__ import annotations

import pytest

from nbgraph.notebook import options
from nbgraph.notebook.options import CALLING, EDGE, EDGES, HUMAN, NODE, ON, STATE, SUBGRAPH, Form

FORMS = (NODE, EDGES, EDGE, STATE, HUMAN, SUBGRAPH)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.magic)
def test_help_lists_every_option_with_what_it_does(form: Form) -> None:
    text = options.describe(form)
    assert all(option.name in text for option in form.options)
    assert all(option.help in text and option.help and option.value for option in form.options)


def test_help_stands_in_columns() -> None:
    lines = options.describe(NODE).splitlines()[1:]
    helps = {option.spelt: option.help for option in NODE.options}
    assert {line.index(help) for line, help in zip(lines, helps.values(), strict=True)} == {
        4 + max(map(len, helps)) + 2
    }


def test_a_value_that_may_be_left_out_is_spelt_in_brackets() -> None:
    assert (options.CACHE.spelt, options.RETRY.spelt) == ("--cache [TTL]", "--retry N")


def test_help_of_graph_lists_every_action() -> None:
    text = options.describe_actions()
    assert all(action.name in text for action in options.ACTIONS)
    assert all(action.help and action.help in text for action in options.ACTIONS)


def test_help_of_graph_lists_every_option_below_its_action() -> None:
    lines = options.describe_actions().splitlines()
    place = next(row for row, line in enumerate(lines) if line.startswith("    %graph prune"))
    assert [line.split()[0] for line in lines[place + 1 : place + 4]] == ["--keep", "--older-than", "--dry-run"]


def test_an_action_is_spelt_with_what_follows_it() -> None:
    runs = next(action for action in options.ACTIONS if action.name == "runs")
    assert runs.spelt == "%graph runs [NAME|all] [--status a,b] [--limit N]"


def test_an_option_that_is_a_choice_has_choices() -> None:
    everything = {option for form in FORMS for option in form.options}
    assert all(option.choices for option in everything if option.kind in ("choice", "errors", "executor", "type"))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.magic)
def test_no_option_of_a_magic_stands_in_its_table_twice(form: Form) -> None:
    names = [option.name for option in form.options]
    assert len(set(names)) == len(names)


def test_a_function_and_a_graph_are_called_with_the_same_options_but_one() -> None:
    assert set(CALLING) < set(NODE.options)
    assert set(CALLING) < set(SUBGRAPH.options)
    assert (ON in NODE.options, ON in SUBGRAPH.options) == (True, False)
