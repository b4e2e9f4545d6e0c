"""Conditions: what stands after `if` on an edge, read once and judged with the values of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbgraph.core.condition_grammar import Grammar
from nbgraph.core.condition_operations import Evaluate, Missing, Refused, Values, truth
from nbgraph.core.condition_parts import Parts, explained
from nbgraph.core.condition_text import ConditionText
from nbgraph.core.names import RESERVED
from nbgraph.core.places import fault
from nbgraph.errors import ConditionFailed, MissingKey, RunError, nearest

__all__ = ["RESERVED", "Condition", "fault", "parse"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition, ready to be judged; equal to another one with the same canonical text.

    Args:
        text: the canonical text; parsing it gives an equal condition.
        keys: the keys it reads.
    """

    text: str
    keys: frozenset[str] = field(compare=False)
    _value: Evaluate = field(compare=False, repr=False)
    _parts: Parts = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    def holds(self, values: Values) -> bool:
        """Whether the condition is true of `values`.

        Raises:
            MissingKey: a key it reads is not among the values.
            ConditionFailed: the values cannot be judged, as in `None < 7`.
        """
        try:
            return truth(self._value(values), self.text)
        except (Missing, Refused) as error:
            raise self._failure(error, values) from None
        except Exception as error:
            raise self._failure(error, values) from error

    def explain(self, values: Values) -> str:
        """The condition with its values, as `score 6 < 7`; never raises."""
        return explained(self._parts, values)

    def _failure(self, error: Exception, values: Values) -> RunError:
        if isinstance(error, Missing):
            (key,) = error.args
            known = nearest(key, values)
            return MissingKey(f"condition `{self.text}` needs the key {key!r}, which nothing has set{known}")
        reason = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
        return ConditionFailed(f"condition `{self.text}` cannot be judged with `{self.explain(values)}`: {reason}")


def parse(text: str, *, within: str | None = None, offset: int = 0, what: str = "condition") -> Condition:
    """Read a condition.

    Args:
        text: the condition.
        within: the whole text that it stands in, for the place of an error; else `text` itself.
        offset: where `text` begins in `within`.
        what: what is being read, for the message of an error.

    Raises:
        TextError: it cannot be read or holds what a condition may not hold.
    """
    grammar = Grammar(ConditionText(text, text if within is None else within, offset, what))
    piece = grammar.read()
    return Condition(piece.text, frozenset(grammar.keys), piece.value, piece.parts)
