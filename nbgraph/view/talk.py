"""What the models of a run write and the tools they call, as it comes: for those who watch, and in no record."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from nbgraph.core.events import (
    Event,
    ModelCalled,
    ModelWrote,
    Status,
    StatusChanged,
    TaskCancelled,
    TaskFailed,
    TaskFinished,
    TaskRetried,
    TaskStarted,
    ToolCalled,
)
from nbgraph.view.clusters import task_name
from nbgraph.view.values import MASK, names_secret, plain, short, shorten

TAIL = 2000  # characters that are kept of a text, from its end
VOICES = 6  # tasks that are heard at once
LINES = 4  # calls of tools that are shown before a text, and after it
ARGUMENTS = 4
ARGUMENT = 40  # characters
OVER = (Status.DONE, Status.FAILED, Status.CANCELLED)

Key = tuple[str, int, int | None, str]
Spoken = ModelWrote | ModelCalled | ToolCalled


@dataclass(slots=True)
class Voice:
    """One task of an agent, or one item of it, as it talks.

    `turn` tells each beginning of a text from all others of the run; `length` counts the characters of that text, of
    which `text` is the end, and `told` those that the changes have told. `before` and `after` the text tools were
    called. It "writes", "wrote", tries "again", or is "done". `known` means that a page may show it.
    """

    name: str
    turn: int
    known: bool = False
    model: str = ""
    call: str = ""
    state: str = "wrote"
    note: str = ""
    text: str = ""
    length: int = 0
    told: int = 0
    before: tuple[dict[str, Any], ...] = ()
    after: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LINES))

    def begin(self, turn: int, call: str) -> None:
        """Forget the text for that of another call, or of another attempt at one."""
        self.turn, self.call, self.note, self.text, self.length, self.told = turn, call, "", "", 0, 0
        self.before = (*self.before, *self.after)[-LINES:]
        self.after.clear()

    def say(self, text: str) -> None:
        """Write on."""
        more, cut = plain(text[-TAIL:]), max(0, len(text) - TAIL)
        self.text, self.length, self.state = (self.text + more)[-TAIL:], self.length + cut + len(more), "writes"

    @property
    def silent(self) -> bool:
        """Whether there is nothing to read, as while the first tool that a model called waits for a person."""
        return self.state == "wrote" and not (self.text or self.before or self.after)

    def shown(self) -> dict[str, Any]:
        """All of it, as plain data."""
        self.known = True
        lines = {"before": list(self.before), "after": list(self.after)}
        told = {"model": self.model, "state": self.state, "note": self.note, "turn": self.turn, "length": self.length}
        return {**told, **lines, "text": self.text}

    def news(self) -> dict[str, Any]:
        """The same, but of the text only what was not told yet."""
        fresh = min(self.length - self.told, len(self.text))
        self.told = self.length
        return {**self.shown(), "text": self.text[len(self.text) - fresh :]}


class Talk:
    """Events in, snapshots and changes out; an event costs the same however much was said before.

    An answer can be read until its node talks anew; what came of nothing is gone at once.
    """

    def __init__(self) -> None:
        self._voices: dict[Key, Voice] = {}
        self._changed: set[Key] = set()
        self._gone: set[str] = set()
        self._turns = 0

    def hear(self, event: Event) -> None:
        """Take in one event; most are of no concern."""
        match event:
            case ModelWrote():
                self._write(event)
            case ModelCalled():
                self._answer(event)
            case ToolCalled():
                self._use(event)
            case TaskRetried():
                self._retry(event)
            case TaskStarted() | TaskFailed() | TaskCancelled():
                self._forget(event)
            case TaskFinished():
                self._finish(event)
            case StatusChanged(status=status) if status in OVER:
                self._drop(key for key, voice in self._voices.items() if voice.state != "done")

    def snapshot(self) -> dict[str, Any]:
        """What can be read now, by the names of tasks."""
        return {voice.name: voice.shown() for voice in self._voices.values() if not voice.silent}

    def changes(self) -> dict[str, Any]:
        """What changed since the last call, for `heard`; None for a task that is not heard any more."""
        told: dict[str, Any] = dict.fromkeys(self._gone)
        changed = [self._voices[key] for key in self._changed]
        told |= {voice.name: None if voice.silent else voice.news() for voice in changed}
        self._changed, self._gone = set(), set()
        return told

    def _write(self, event: ModelWrote) -> None:
        voice = self._voice(event)
        if voice is None:
            return
        if voice.call != event.call:
            self._begin(voice, event.call)
        voice.model, voice.note = event.model, ""
        voice.say(event.text)

    def _answer(self, event: ModelCalled) -> None:
        voice = self._voice(event)
        if voice is None:
            return
        if voice.call != event.call:  # it wrote nothing, but called tools
            self._begin(voice, event.call)
        voice.model, voice.state, voice.note = event.model, "wrote", ""

    def _use(self, event: ToolCalled) -> None:
        voice = self._voice(event)
        if voice is not None:
            voice.after.append(tool_line(event))

    def _retry(self, event: TaskRetried) -> None:
        key = event.node, event.visit, event.item, event.within
        voice = self._voices.get(key)
        if voice is None:
            return
        if not event.call:
            return self._drop([key])
        self._begin(voice, event.call)
        voice.state = "again"
        said = shorten(f"{event.failure.type}: {event.failure.message}".lstrip(": "), 200)
        voice.note = f"attempt {event.attempt + 1} in {event.delay:.2g} s: {said}"
        self._changed.add(key)

    def _forget(self, event: TaskStarted | TaskFailed | TaskCancelled) -> None:
        if self._voices:
            self._drop(self._of(event))

    def _finish(self, event: TaskFinished) -> None:
        for key in self._of(event) if self._voices else ():
            if self._voices[key].text:
                self._voices[key].state = "done"
                self._changed.add(key)
            else:
                self._drop([key])

    def _of(self, event: TaskStarted | TaskFinished | TaskFailed | TaskCancelled) -> list[Key]:
        """The voices of a task and of its items."""
        task = event.node, event.visit, event.within
        return [key for key in self._voices if (key[0], key[1], key[3]) == task]

    def _begin(self, voice: Voice, call: str) -> None:
        self._turns += 1
        voice.begin(self._turns, call)

    def _voice(self, event: Spoken) -> Voice | None:
        """The voice of a task, which from now on is told of; None where too many talk already."""
        key = event.node, event.visit, event.item, event.within
        voice = self._voices.get(key) or self._enter(key)
        if voice is not None:
            self._changed.add(key)
        return voice

    def _enter(self, key: Key) -> Voice | None:
        node, visit, item, within = key
        self._drop([each for each, voice in self._voices.items() if each[0] == node and voice.state == "done"])
        if len(self._voices) >= VOICES and not self._make_room():
            return None
        name = task_name(node, visit, within) + ("" if item is None else f"[{item}]")
        self._turns += 1
        self._voices[key] = Voice(name, self._turns, known=name in self._gone)
        self._gone.discard(name)
        return self._voices[key]

    def _make_room(self) -> bool:
        """Let go of the voice that was heard first of those that have nothing more to say, or say nothing now."""
        for state in ("done", "wrote"):
            for key, voice in self._voices.items():
                if voice.state == state:
                    self._drop([key])
                    return True
        return False

    def _drop(self, keys: Any) -> None:
        for key in list(keys):
            voice = self._voices.pop(key)
            self._gone.update([voice.name] if voice.known else [])  # else it grows where nobody asks for changes
            self._changed.discard(key)


def tool_line(event: ToolCalled) -> dict[str, Any]:
    """The call of a tool in short, as `search(query='bees')` and what came of it."""
    arguments = [
        f"{shorten(str(key), ARGUMENT)}={short(key, value, ARGUMENT)}"
        for key, value in islice(event.arguments.items(), ARGUMENTS)
    ]
    more = ["…"] * (len(event.arguments) > ARGUMENTS)
    call = f"{shorten(event.tool, ARGUMENT)}({', '.join([*arguments, *more])})"
    return {"call": call, "result": short_result(event.result), "failed": event.failed}


def short_result(text: str) -> str:
    """What a tool returned in short; data that speaks of a secret is masked."""
    shown = shorten(text)
    return MASK if shown[:1] in ("{", "[") and names_secret(shown) else shown


def heard(before: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """A snapshot of talk with later changes folded in; the script of the graph widget does the same."""
    voices = {**before, **{name: _joined(before.get(name), voice) for name, voice in news.items()}}
    return {name: voice for name, voice in voices.items() if voice is not None}


def _joined(before: Mapping[str, Any] | None, news: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if before is None or news is None or before["turn"] != news["turn"]:
        return news
    fresh = news["length"] - before["length"]
    if fresh < 0 or fresh > len(news["text"]):  # it was told before, or something was missed
        return before if fresh < 0 else news
    return {**news, "text": (before["text"] + news["text"][len(news["text"]) - fresh :])[-TAIL:]}
