"""Outputs: what each task of a run printed and emitted, and which attempts failed, as far as it was heard here."""

from __future__ import annotations

from nbgraph.core.events import Emitted, Event, Printed, TaskRetried
from nbgraph.view.values import plain, short, shorten

TAIL = 20_000  # characters that are kept of a task, from the end
TASKS = 500  # that are kept

Key = tuple[str, str, int]


class Outputs:
    """Events in, texts out; what was printed longest ago is let go."""

    def __init__(self) -> None:
        self._texts: dict[Key, str] = {}

    def hear(self, event: Event) -> None:
        """Take in one event; most are of no concern."""
        if isinstance(event, Printed):
            self._say(event, plain(event.text[-TAIL:]))
        elif isinstance(event, Emitted):
            self._say(event, f"emitted {short('', event.value, 300)}\n", begin=True)
        elif isinstance(event, TaskRetried):
            self._say(event, _attempt(event), begin=True)

    def of(self, within: str, node: str, visit: int) -> str:
        """What a task printed and emitted, from its end."""
        return self._texts.get((within, node, visit), "")

    def _say(self, event: Printed | Emitted | TaskRetried, text: str, begin: bool = False) -> None:
        key = event.within, event.node, event.visit
        before = self._texts.pop(key, "")
        gap = "\n" if begin and before and not before.endswith("\n") else ""
        self._texts[key] = (before + gap + text)[-TAIL:]
        if len(self._texts) > TASKS:
            del self._texts[next(iter(self._texts))]


def _attempt(event: TaskRetried) -> str:
    what = " ".join(filter(None, ("" if event.item is None else f"item {event.item}:", event.call)))
    said = shorten(f"{event.failure.type}: {event.failure.message}".lstrip(": "), 300)
    return f"{what} attempt {event.attempt} failed: {said}\n".lstrip()
