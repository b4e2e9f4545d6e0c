"""Scripts and styles of widgets: many small files, one text."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from nbgraph.view.scripts import STATIC, script, styles

FOLDERS = ["graph"]
DECLARED = re.compile(r"^(?:async )?(?:function\*?|class) (\w+)|^(?:const|let) (.+?);?$", re.MULTILINE)
IMPORTED = re.compile(r'^import \{ ([^}]*) \} from "\./(\w+)\.js";$', re.MULTILINE)


def modules(folder: str) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in (STATIC / folder).glob("*.js")}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_module_is_in_the_script_once_and_nothing_is_imported_any_more(folder: str) -> None:
    joined = script(folder)
    assert "import " not in joined
    assert joined.count("export ") == 1
    for name, text in modules(folder).items():
        last = [line.strip() for line in text.splitlines() if line.strip() not in ("", "}", "};")][-1]
        assert last.removeprefix("export ").removeprefix("default ") in joined, name


def _assigned(line: str) -> list[str]:
    """The names that a line declares, such as `A` and `B` of `A = 1, B = 2` or of `[A, B] = [1, 2]`."""
    several = re.match(r"\[([^\]]*)\] =", line)
    return several[1].split(", ") if several else re.findall(r"(?:^|, )(\w+) = ", line)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_two_modules_declare_one_name(folder: str) -> None:
    names = Counter(
        name
        for text in modules(folder).values()
        for found in DECLARED.findall(text.replace("export ", ""))
        for name in ([found[0]] if found[0] else _assigned(found[1]))
    )
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_imported_is_exported_there_and_used_here(folder: str) -> None:
    texts = modules(folder)
    for name, text in texts.items():
        body = IMPORTED.sub("", text)
        for imported, source in IMPORTED.findall(text):
            for each in imported.split(", "):
                assert re.search(rf"^export (?:function|const|class) {each}\b", texts[source], re.MULTILINE), (
                    name,
                    each,
                )
                assert re.search(rf"\b{each}\b", body), f"{name} imports {each} and does not use it"


@pytest.mark.parametrize("folder", FOLDERS)
def test_notes_and_indentation_are_left_out(folder: str) -> None:
    for text in (script(folder), styles(folder)):
        assert not re.search(r"^\s|^//|^/\*", text.lstrip(), re.MULTILINE)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_style_sheet_is_in_the_styles(folder: str) -> None:
    rules = re.compile(r"\{([^{}]*)\}")
    joined = [" ".join(rule.split()) for rule in rules.findall(styles(folder))]
    for path in (STATIC / folder).glob("*.css"):
        for rule in rules.findall(path.read_text(encoding="utf-8")):
            assert " ".join(rule.split()) in joined
