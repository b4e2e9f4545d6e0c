"""What the codec knows of packages that nbgraph does not need: numpy, pandas, pyarrow and PIL.

To write a value of theirs none is imported: where such a value is, its package is. To read one, its package is
imported, by a name that stands here, and by none that a file names.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

from nbgraph.store.codec_forms import Malformed

_MODULES: Final = {"numpy": "numpy", "pandas": "pandas", "pyarrow": "pyarrow", "PIL": "PIL.Image"}
SAFE_PYARROW: Final = 15  # until 14.0.1 a stream could name a type that was unpickled
_INSTALLED_AS: Final = {"PIL": "pillow"}


def package_of(kind: type) -> str:
    """Which of the packages a type is of, or an empty string."""
    name = getattr(kind, "__module__", None)
    top = name.partition(".")[0] if type(name) is str else ""
    return top if top in _MODULES and _MODULES[top] in sys.modules else ""


def imported(package: str) -> Any:
    """The module of one of the packages, which is there because a value of it is."""
    return sys.modules[_MODULES[package]]


def needed(package: str) -> Any:
    """The module of one of the packages, to read with; Malformed where it is not installed."""
    try:
        found = import_module(_MODULES[package])
    except ImportError:
        name = _INSTALLED_AS.get(package, package)
        raise Malformed(f"it holds data of {name}, which is not installed here; pip install {name}") from None
    if package == "pyarrow" and int(found.__version__.partition(".")[0]) < SAFE_PYARROW:
        raise Malformed(f"it holds a table, which pyarrow {found.__version__} may run code to read; update pyarrow")
    return found
