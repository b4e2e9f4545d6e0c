"""The sandbox in which prompts are filled in: Jinja that reads values and does nothing else.

A template loads no other, calls no functions but a few methods of texts, lists, dicts and dates, reads no attribute
that begins with `_`, and comes to an end: what it builds and how often it goes round is counted. A value is never a
template. This module is imported when first a prompt is read, and jinja2 with it.
"""

from __future__ import annotations

import datetime
import math
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, NoReturn

from jinja2 import Template, TemplateRuntimeError, TemplateSyntaxError, Undefined, meta, nodes
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from nbgraph.errors import brief, nearest, told
from nbgraph.models.signs import sound
from nbgraph.models.template_filters import HELD, JOINED, MEMBERS, ROUNDS, filters
from nbgraph.models.template_reads import needed_names
from nbgraph.models.template_values import (
    FOREIGN,
    LARGEST,
    LONGEST,
    MOST_WORK,
    ROUND,
    TOO_LARGE,
    WORK,
    Missing,
    NoKey,
    Refused,
    Work,
    finalized,
    size_of,
    work_of,
)

LONGEST_RANGE = 10_000

METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(
        (
            *("capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha", "isdecimal"),
            *("isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "join", "lower", "lstrip"),
            *("partition", "removeprefix", "removesuffix", "replace", "rfind", "rpartition", "rsplit", "rstrip"),
            *("split", "splitlines", "startswith", "strip", "swapcase", "title", "upper"),
        )
    ),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    datetime.date: frozenset({"date", "isoformat", "isoweekday", "strftime", "time", "timestamp", "weekday"}),
    datetime.time: frozenset({"isoformat", "strftime"}),
    datetime.timedelta: frozenset({"total_seconds"}),
}


class Unreadable(Exception):
    """A template that cannot be read: why, in which of its lines, and a word of that line to point at."""

    def __init__(self, message: str, line: int, word: str = "") -> None:
        self.line, self.word = line, word
        super().__init__(message)


class Unfilled(Exception):
    """A template that cannot be filled in: why, as a clause, in which of its lines, and the key that is missing."""

    def __init__(self, message: str, line: int, missing: str = "") -> None:
        self.line, self.missing = line, missing
        super().__init__(message)


class Variable(NamedTuple):
    """A free variable of a template, whether it has to be there, and the line in which it is first used."""

    name: str
    needed: bool
    line: int


class Filling:
    """A template that is ready to be filled in."""

    def __init__(self, source: str, template: Template, variables: tuple[Variable, ...]) -> None:
        self.variables = variables
        self._template, self._round = template, max(ROUND, len(source))

    def fill(self, values: Mapping[str, Any]) -> str:
        """The text with the values in it.

        Raises:
            Unfilled: something is missing, or the template does what it may not.
        """
        work = Work(MOST_WORK, self._round)
        try:
            return self._filled({**values, WORK: work})
        except NoKey as error:
            raise Unfilled("it is missing", self._line(error), told(error)) from None
        except (Refused, TemplateRuntimeError) as error:
            why = told(error)
            raise Unfilled(f"{why[:1].lower()}{why[1:]}", self._line(error)) from None
        except RecursionError as error:
            raise Unfilled("its macros call each other without end", self._line(error)) from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a property of a value may raise anything
            raise Unfilled(f"{type(error).__name__}: {told(error)}", self._line(error)) from error

    def _filled(self, values: dict[str, Any]) -> str:
        context = self._template.new_context(values)
        pieces, length = [], 0
        for piece in self._template.root_render_func(context):
            pieces.append(piece)
            length += len(piece)
            if length > LONGEST:
                raise Refused(f"it is longer than {LONGEST:,} characters")
        return sound("".join(pieces))

    def _line(self, error: BaseException) -> int:
        line, trace = 1, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self._template:
                line = self._template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return line


def compiled(source: str) -> Filling:
    """The template `source`.

    Raises:
        Unreadable: it is no template, or has in it what a prompt may not.
    """
    sandbox, source = _sandbox(), _spaced(source)
    try:
        tree = sandbox.parse(source)
        _check(tree, sandbox)
        variables = tuple(_variables(source, tree, sandbox))
        code = sandbox.compile(_counted(tree))
    except TemplateSyntaxError as error:
        raise _unreadable(source, error) from None
    except RecursionError:
        raise Unreadable("this is nested too deeply.", 1) from None
    except SyntaxError as error:  # of the Python that Jinja makes of it
        why = "this is nested too deeply" if "too many" in error.msg else f"Jinja cannot read this: {error.msg}"
        raise Unreadable(f"{why}.", 1) from None
    except ValueError:
        raise Unreadable("a number is too large for Python.", 1) from None
    return Filling(source, Template.from_code(sandbox, code, sandbox.globals), variables)


# Where lines end

RAW = re.compile(r"({%[-+]?\s*raw\b.*?{%[-+]?\s*endraw\s*[-+]?%})", re.DOTALL)
TAG = re.compile(r"{%.*?%}|{#.*?#}")


def _spaced(source: str) -> str:
    """The template with marks that keep the line end and the indent of a tag, unless it stands alone in its line.

    Jinja takes away either both everywhere, and so puts two lines into one where the first ends with a tag, or none.
    """
    pieces = RAW.split(source)
    pieces[::2] = ["\n".join(map(_spaced_line, piece.split("\n"))) for piece in pieces[::2]]
    return "".join(pieces)


def _spaced_line(line: str) -> str:
    text = TAG.sub("", line)
    if not text.strip() or re.search("{%|%}|{#|#}", text):  # the last is part of a tag of several lines
        return line
    line = re.sub(r"^(\s*{[%#])(?![-+])", r"\1+", line)
    return re.sub(r"(?<![-+])([%#]})$", r"+\1", line)


# What is refused when a prompt is declared

OTHER_TEMPLATES = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport, nodes.Block)


def _check(tree: nodes.Template, sandbox: Sandbox) -> None:
    for message, line, word in (*_wrong_tags(tree), *_wrong_values(tree)):
        raise Unreadable(message, line, word)
    for filter in tree.find_all(nodes.Filter):
        if filter.name not in sandbox.filters:
            _no_such("filter", filter, sandbox.filters)
    for test in tree.find_all(nodes.Test):
        if test.name not in sandbox.tests:
            _no_such("test", test, sandbox.tests)


def _wrong_tags(tree: nodes.Template) -> Iterator[tuple[str, int, str]]:
    """What is wrong with the tags of a template: why, in which line, and a word of that line."""
    for loads in tree.find_all(OTHER_TEMPLATES):
        tag = "from" if isinstance(loads, nodes.FromImport) else type(loads).__name__.lower()
        yield f"a prompt stands alone and has no {{% {tag} %}}; write the text here.", loads.lineno, tag
    for escapes in tree.find_all(nodes.EvalContextModifier):
        yield "a prompt is no HTML and has no {% autoescape %}.", escapes.lineno, "autoescape"
    for changed in tree.find_all(nodes.NSRef):
        yield "a prompt changes no value; {% set %} takes a plain name.", changed.lineno, changed.name


def _wrong_values(tree: nodes.Template) -> Iterator[tuple[str, int, str]]:
    for name in tree.find_all(nodes.Name):
        if name.name == "self":
            yield "self is the template itself and no key.", name.lineno, "self"
    for number in tree.find_all(nodes.Const):
        if isinstance(number.value, float) and not math.isfinite(number.value):
            yield "a number is too large for Python.", number.lineno, ""


def _no_such(what: str, node: nodes.Filter | nodes.Test, known: Iterable[str]) -> NoReturn:
    names = sorted(name for name in known if name.isidentifier())
    hint = nearest(node.name, names) or f"; there is {', '.join(names)}."
    raise Unreadable(f"a prompt has no {what} {node.name!r}{hint}", node.lineno, node.name)


def _unreadable(source: str, error: TemplateSyntaxError) -> Unreadable:
    message, lines = error.message or "this is no template", source.split("\n")
    if unclosed := re.search(r"innermost block that needs to be closed is '(\w+)'", message):
        tag = unclosed[1]
        begun = [number for number, line in enumerate(lines, 1) if re.search(rf"{{%[-+]?\s*{tag}\b", line)]
        return Unreadable(f"{{% {tag} %}} is not closed; write {{% end{tag} %}} after it.", (begun or [1])[-1], tag)
    line = lines[min(error.lineno, len(lines)) - 1]
    words = [word for word in reversed(re.findall(r"'([^']+)'", message)) if word in line]
    word = (words or re.findall(r"{[{%#]", line) or [""])[0]
    message = re.sub(r" at \d+$", "", message).rstrip(".")
    return Unreadable(f"Jinja cannot read this: {message[:1].lower()}{message[1:]}.", error.lineno, word)


def _variables(source: str, tree: nodes.Template, sandbox: Sandbox) -> Iterator[Variable]:
    """The free variables in the order of the text."""
    free, needed, before = _free_names(tree, sandbox), needed_names(tree), ""
    for line, kind, text in sandbox.lex(source):
        if kind == "name" and before not in (".", "|") and text in free:
            free.remove(text)
            yield Variable(text, text in needed, line)
        if kind != "whitespace":
            before = text


def _free_names(tree: nodes.Template, sandbox: Sandbox) -> set[str]:
    """As `meta.find_undeclared_variables`, which evaluates on the way what is constant."""
    names = meta.TrackingCodeGenerator(sandbox)
    names.optimizer = None
    names.visit(tree)
    return names.undeclared_identifiers


# How it comes to an end


def _counted(tree: nodes.Template) -> nodes.Template:
    """The template with its loops, joined texts, lists and dicts counted."""
    for loop in list(tree.find_all(nodes.For)):
        loop.iter = _through(ROUNDS, loop.iter)
    for operand in tree.find_all(nodes.Operand):
        if operand.op in ("in", "notin"):
            operand.expr = _through(MEMBERS, operand.expr)
    for parent in reversed([tree, *tree.find_all(nodes.Node)]):  # what is within comes first
        for name, value in parent.iter_fields():
            setattr(parent, name, _weighed(value))
    return tree


def _weighed(value: Any) -> Any:
    match value:
        case list():
            return [_weighed(each) for each in value]
        case nodes.Concat():
            return _through(JOINED, nodes.List(value.nodes, lineno=value.lineno))
        case nodes.List(items=items) | nodes.Tuple(items=items, ctx="load") | nodes.Dict(items=items):
            flat = all(isinstance(each, nodes.Const) for each in items)
            return value if flat else _through(HELD, value)
    return value


def _through(filter: str, node: Any) -> nodes.Filter:
    return nodes.Filter(node, filter, [], [], None, None, lineno=node.lineno)


# The sandbox itself


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja that reads values and does nothing else."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=Missing, finalize=finalized, trim_blocks=True, lstrip_blocks=True, optimized=False)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An attribute, or what a dict has under that key, which comes first: `order.items` may be data."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a prompt may read it."""
        return not isinstance(obj, FOREIGN) and super().is_safe_attribute(obj, attr, value)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        """What stands for an attribute that a prompt may not read."""
        if isinstance(obj, Undefined):
            str(obj)  # raises
        return Missing(f"a prompt may not read {attribute!r} of {brief(obj)}", obj, attribute)

    def is_safe_callable(self, obj: Any) -> bool:
        """Whether a prompt may call it."""
        if isinstance(obj, Macro | LoopContext) or obj is short_range:
            return True
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        if isinstance(obj, types.MethodType):
            return isinstance(owner, LoopContext)
        known = (names for kind, names in METHODS.items() if isinstance(owner, kind))
        return isinstance(obj, types.BuiltinMethodType) and any(name in names for names in known)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  # as in Jinja
        """What a call in a template gives back."""
        if isinstance(__obj, Undefined):
            __obj()  # raises
        if not __self.is_safe_callable(__obj):
            name = getattr(__obj, "__name__", type(__obj).__name__)
            raise Refused(f"a prompt does not call {name}; call it in a node, and let the prompt read what it returns")
        work = work_of(__context)
        work.does(work.round)
        owner, name = getattr(__obj, "__self__", None), getattr(__obj, "__name__", "")
        if isinstance(owner, str) and name in ("join", "replace"):  # which can build much
            given = (*args, owner) if name == "join" else (owner, *args)
            return __self.filters[name](__context, *given, **kwargs)
        if isinstance(__obj, Macro) and (__obj.catch_varargs or __obj.catch_kwargs):
            work.holds((args, kwargs))
        result = __context.call(__obj, *args, **kwargs)
        work.does(size_of(result))
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """What an operator gives that can build much from little."""
        work_of(context).builds(_size_of_result(operator, left, right))
        result = super().call_binop(context, operator, left, right)
        return work_of(context).holds(result) if isinstance(result, list | tuple) else result


def _size_of_result(operator: str, left: Any, right: Any) -> int:
    if operator == "%" and isinstance(left, str | bytes):
        raise Refused("`%` is for numbers in a prompt; put texts together with ~")
    if isinstance(left, int) and isinstance(right, int):
        grown = {"*": left.bit_length() + right.bit_length(), "**": left.bit_length() * abs(right)}
        if grown.get(operator, 0) > LARGEST:
            raise Refused(TOO_LARGE)
        return 0
    if operator == "*":
        sizes = [
            size * times for size, times in ((size_of(left), right), (size_of(right), left)) if isinstance(times, int)
        ]
        return max(sizes, default=0)
    return size_of(left) + size_of(right) if operator == "+" else 0


def short_range(*args: int) -> range:
    """A range that is no longer than a prompt needs."""
    made = range(*args)
    if made[LONGEST_RANGE:]:
        raise Refused(f"a range in a prompt has at most {LONGEST_RANGE:,} numbers")
    return made


@cache
def _sandbox() -> Sandbox:
    sandbox = Sandbox()
    sandbox.globals = {"range": short_range}
    sandbox.filters = dict(filters(Sandbox()))
    return sandbox
