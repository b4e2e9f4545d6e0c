"""The codec without the packages whose values it can keep."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from nbgraph.errors import NotStorable, StoreDamaged
from nbgraph.store import codec_forms as codes
from nbgraph.store import codec_outside
from nbgraph.store.classes import KNOWN
from nbgraph.store.codec import pack, unpack
from tests.store.values import leaf, mark

PACKED = {
    "numpy": mark(codes.ARRAY, "<f8", [1], "C", bytes(8)),
    "pandas": leaf(codes.NAT, b""),
    "pyarrow": mark(codes.TABLE, b""),
    "pillow": mark(codes.IMAGE, "L", [1, 1], b"1", None, {}),
}


@pytest.mark.parametrize("package", PACKED)
def test_data_of_a_package_that_is_not_there_says_what_to_install(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(codec_outside, "import_module", absent)
    with pytest.raises(StoreDamaged, match=f"pip install {package}"):
        unpack(PACKED[package], KNOWN)


@pytest.mark.parametrize("module", ["numpy", "pandas.core", "PIL.Image", "pyarrow.lib", None, 5])
def test_a_class_that_says_it_is_of_a_package_is_refused(module: Any) -> None:
    made = type("Array", (), {"__module__": module})
    with pytest.raises(NotStorable):
        pack(made())


@pytest.mark.slow
def test_packing_and_reading_plain_data_imports_none_of_them() -> None:
    code = """
import sys
from nbgraph.store.codec import pack, unpack
from nbgraph.store.classes import KNOWN
unpack(pack({"a": [1, (2, {3})]}), KNOWN)
assert not {"numpy", "pandas", "pyarrow", "PIL", "pydantic"} & set(sys.modules), "imported"
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
