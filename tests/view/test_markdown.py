import re

import pytest

from nbgraph.errors import TextError
from nbgraph.view.markdown import LIMIT, placeholders, question_html
from tests.view.stories import HOSTILE


def tags(html: str) -> set[str]:
    return set(re.findall(r"<(\w+)", html))


def test_markdown_is_rendered_and_values_are_inserted():
    html = question_html("## Publish?\n\nAbout **{{ topic }}** and `{{topic}}`", {"topic": "bees"})
    assert '<strong><span class="nbgraph-value">bees</span></strong>' in html
    assert '<code><span class="nbgraph-value">bees</span></code>' in html
    assert "<h2>Publish?</h2>" in html


@pytest.mark.parametrize("value", [*HOSTILE, "**bold**", "[x](https://e.org)", "![x](https://e.org/a.png)", "# head"])
@pytest.mark.parametrize("template", ["{{ a }}", "`{{ a }}`", "    {{ a }}", "```{{ a }}\n{{ a }}\n```", "- *{{ a }}*"])
def test_values_are_never_markdown_nor_html(template, value):
    html = question_html(template, {"a": value})
    assert tags(html) <= {"p", "span", "code", "pre", "ul", "li", "em"}


@pytest.mark.parametrize(
    "template",
    [
        "[go]({{ a }})",
        "[go](https://{{ a }}/)",
        "[go](https://e.org/?q={{ a }})",
        "<https://{{ a }}>",
        "[go][1]\n\n[1]: https://{{ a }}/",
        '[go](/x "{{ a }}")',
        "[{{ a }}]",
    ],
)
def test_a_value_in_a_target_makes_no_link(template):
    html = question_html(template, {"a": "evil.example"})
    assert tags(html) <= {"p", "span"}
    assert "href" not in html


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//e.org", "file:///etc", "JaVaScript:x"])
def test_only_http_links_are_links(url):
    assert question_html(f"[go]({url}) <{url}>", {}).count("<a") == 0


def test_an_authors_link_opens_without_telling_where_from():
    html = question_html("[go](https://e.org/a?b=1&c=2 'title')", {})
    assert '<a href="https://e.org/a?b=1&amp;c=2" rel="noopener noreferrer" target="_blank">go</a>' in html


@pytest.mark.parametrize(
    "template", ["![x](https://e.org/a.png)", "<img src=x onerror=canary()>", "<b>hi</b>", "<!-- x -->"]
)
def test_images_and_raw_html_of_the_author_do_not_pass(template):
    html = question_html(template, {})
    assert tags(html) <= {"p", "a"}
    assert "<img" not in html


def test_placeholders_are_the_keys_in_order():
    assert placeholders("{{ b }} {{a}} {{ b }} {{ größe }}") == ("b", "a", "größe")


@pytest.mark.parametrize(
    "template", ["ok\n  {{ a", "ok\n  {{ a.b }}", "ok\n  {{}}", "ok\n  {{ 1a }}", "ok\n  {{ {a} }}"]
)
def test_a_malformed_placeholder_is_pointed_at(template):
    with pytest.raises(TextError) as caught:
        placeholders(template)
    assert (caught.value.line, caught.value.column) == (2, 3)


def test_a_key_without_a_value_stays_as_written():
    assert "{{ gone }}" in question_html("{{ gone }}", {})


def test_values_that_look_like_placeholders_are_not_read_again():
    assert "{{ b }}" in question_html("{{ a }}", {"a": "{{ b }}", "b": "no"})


def test_signs_by_which_places_are_marked_cannot_be_smuggled_in():
    assert question_html("\ue0000\ue001 &#xE000;7&#xE001; {{ a }}", {"a": "x"}).count("nbgraph-value") == 2
    assert "\ue000" not in question_html("\ue0000\ue001{{ a }}", {"a": "x"})


def test_other_values_are_shown_as_json_or_repr():
    html = question_html("{{ a }} {{ b }}", {"a": {"k": [1]}, "b": {1, 2}})
    assert "&quot;k&quot;: [\n" in html
    assert "{1, 2}" in html


def test_long_values_say_how_much_is_left_out():
    html = question_html("{{ a }}", {"a": "x" * (LIMIT + 1234)})
    assert html.count("x") == LIMIT
    assert "(1,234 more characters)" in html
