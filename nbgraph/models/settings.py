"""Settings of models: which one is called and how, by what was configured, else by the environment.

Nothing is read before a model is called: OPENAI_API_KEY, OPENAI_BASE_URL, NBGRAPH_MODEL, and for cassettes
NBGRAPH_CASSETTE_FILE (which one) and NBGRAPH_CASSETTE ("replay", "record" or "off").
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from nbgraph.errors import InputError, NoModel, brief
from nbgraph.models.prices import read_prices, tell_prices

Mode = Literal["off", "replay", "record"]

MODEL = "gpt-5.4-mini"
TIMEOUT, CONNECT = 300.0, 10.0  # a model that thinks first may be silent for minutes
OPENAI = "https://api.openai.com/v1"
ENDINGS = ("/chat/completions", "/completions", "/responses")  # of what is often copied as base_url
MODES = ("replay", "record", "off")

NO_MODEL = (
    "no model is set up. Set OPENAI_API_KEY in the environment, or nbgraph.configure(base_url=...) for another "
    "endpoint. Without a network: nbgraph.testing.ScriptedModel answers from a script, "
    'nbgraph.configure(cassette="...") replays what was recorded, and `nbgraph lab --local` '
    "opens JupyterLab with a small model that runs here."
)

_VARIABLES = {
    "model": "NBGRAPH_MODEL",
    "base_url": "OPENAI_BASE_URL",
    "api_key": "OPENAI_API_KEY",
    "cassette": "NBGRAPH_CASSETTE_FILE",
}
_configured: dict[str, Any] = {}


@dataclass(frozen=True)
class Endpoint:
    """What is called, and how.

    Args:
        base_url: where it is; None for OpenAI's own.
        api_key: None for an endpoint that needs none.
        model: the one that is asked where an agent names none.
        timeout: seconds without a byte after which it is given up.
        connect: seconds until there has to be a connection.
        cassette: the path of a recording, or None.
        mode: what is done with it; "off" where there is none.
    """

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    model: str = MODEL
    timeout: float = TIMEOUT
    connect: float = CONNECT
    cassette: str | None = None
    mode: Mode = "off"

    @property
    def url(self) -> str:
        """Its address."""
        return self.base_url or OPENAI

    @property
    def host(self) -> str:
        """Its host, as messages name it."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


def endpoint() -> Endpoint:
    """What models are called at, as it is set now.

    Raises:
        NoModel: nothing says which, or what says it makes no sense.
    """
    file = _value("cassette")
    mode = _mode(file)
    base_url, key = _checked_here("base_url"), _checked_here("api_key")
    if not (base_url or key or mode == "replay"):
        raise NoModel(NO_MODEL)
    model, timeout = _value("model") or MODEL, _configured.get("timeout", TIMEOUT)
    where = None if file is None or mode == "off" else os.path.abspath(file)
    return Endpoint(base_url, key, model, timeout, CONNECT, where, mode)


def api_keys() -> tuple[str | None, ...]:
    """The keys that are set, in the program and in the environment."""
    return _configured.get("api_key"), os.environ.get("OPENAI_API_KEY", "").strip()


def current(setting: str) -> Any:
    """What "model", "base_url", "timeout" or "cassette" is now; "" where nothing says it."""
    if setting == "timeout":
        return _configured.get(setting, TIMEOUT)
    return _value(setting) or (MODEL if setting == "model" else "")


def take_back(**ours: str) -> None:
    """Take back what was configured where it is still this, and nothing that was set since."""
    for name in [name for name, value in ours.items() if _configured.get(name) == value]:
        del _configured[name]


def read_settings(*, prices: Any = None, **given: Any) -> Callable[[], None]:
    """What sets `model`, `base_url`, `api_key`, `timeout`, `prices` and `cassette` when it is called.

    None leaves one as it is; an empty text takes back what was configured, so that the environment counts again.

    Raises:
        InputError: one of them makes no sense; nothing is set then.
    """
    told = None if prices is None else read_prices(prices)
    read = {name: _READ[name](value) for name, value in given.items() if value is not None}

    def apply() -> None:
        for name, value in read.items():
            _configured[name] = value
            if value == "":
                del _configured[name]
        if read.get("cassette"):
            from nbgraph.models.cassette import rewind  # which needs the keys of this module

            rewind(read["cassette"])
        if told is not None:
            tell_prices(told)

    return apply


def _value(setting: str) -> str | None:
    """What is configured, else what the environment says."""
    configured: str | None = _configured.get(setting)
    return configured or os.environ.get(_VARIABLES[setting], "").strip() or None


def _checked_here(setting: str) -> str | None:
    """The same, which the environment may have wrong."""
    value = _value(setting)
    if value is None or setting in _configured:
        return value
    try:
        return cast(str, _READ[setting](value))
    except InputError as error:
        raise NoModel(f"what the environment has in {_VARIABLES[setting]} cannot be used: {error}") from None


def _mode(file: str | None) -> Mode:
    said = os.environ.get("NBGRAPH_CASSETTE", "").strip().lower()
    if said not in ("", *MODES):
        raise NoModel(
            f"NBGRAPH_CASSETTE is 'replay', 'record' or 'off', not {brief(said)}; the file is named by "
            f"NBGRAPH_CASSETTE_FILE or nbgraph.configure(cassette=...)."
        )
    if file is None and said in ("replay", "record"):
        raise NoModel(
            f'NBGRAPH_CASSETTE is {said!r}, and no cassette is named; nbgraph.configure(cassette="name.json") does, '
            f"and so does NBGRAPH_CASSETTE_FILE."
        )
    return "off" if file is None else cast(Mode, said or "replay")


# What is configured


def _read_model(given: Any) -> str:
    if not isinstance(given, str):
        raise InputError(f"model is a name such as {MODEL!r}, not {brief(given)}.")
    return given.strip()


def _read_base_url(given: Any) -> str:
    wanted = "base_url is the address of an endpoint, with http:// or https://, such as 'http://localhost:8000/v1'"
    if not isinstance(given, str):
        raise InputError(f"{wanted}, not {brief(given)}.")
    url = given.strip().rstrip("/")
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        found = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none, brackets that do not close
        found = False
    if not found or not url.isprintable() or " " in url:
        from nbgraph.models.redaction import redacted  # which needs the keys of this module

        raise InputError(f"{wanted}, not {brief(redacted(url))}.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError("base_url is shown in messages, so it holds no user, password, ? or #; a key is api_key.")
    if ending := next((each for each in ENDINGS if parts.path.endswith(each)), ""):
        shorter = url.removesuffix(ending)
        raise InputError(f"base_url ends before {ending}, which is added to it; set it to {shorter!r}.")
    return url


def _read_key(given: Any) -> str:
    """The key; no message shows it."""
    if not isinstance(given, str):
        raise InputError(f"api_key is a text, not a value of the type {type(given).__name__}.")
    key = given.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InputError("api_key holds a space or a sign that no key has; copy it again.")
    return key


def _read_timeout(given: Any) -> float:
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not number or not given > 0 or not isfinite(given):
        raise InputError(f"timeout is a number of seconds, more than 0, not {brief(given)}.")
    return float(given)


def _read_cassette(given: Any) -> str:
    if not isinstance(given, str | os.PathLike):
        raise InputError(f"cassette is the path of a file, such as 'lesson.cassette.json', not {brief(given)}.")
    path = os.fsdecode(given)
    if not path.strip():
        return ""
    if "\0" in path:
        raise InputError(f"the path of the cassette holds a character that no path can: {brief(path)}.")
    if os.path.isdir(path):
        raise InputError(f"the cassette {path!r} is a folder; name a file, such as 'lesson.cassette.json'.")
    return os.path.abspath(os.path.expanduser(path))  # the same file wherever the program goes later


_READ: Mapping[str, Callable[[Any], Any]] = {
    "model": _read_model,
    "base_url": _read_base_url,
    "api_key": _read_key,
    "timeout": _read_timeout,
    "cassette": _read_cassette,
}
