"""Older kernels for the same environment: ipykernel put into a folder of its own, and a kernelspec that finds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 120


def kernelspec(version: str, folder: Path, data: Path, root: Path) -> str:
    """The name of a kernelspec of that ipykernel, such as "6.31", made where JupyterLab looks for one.

    Args:
        folder: what is installed goes there; nothing else is touched.
        data: the data folder of the JupyterLab.
        root: of this checkout.
    """
    name = f"ipykernel-{version}"
    file = data / "kernels" / name / "kernel.json"
    if not file.exists():
        _install(version, folder)
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(_spec(name, os.pathsep.join((str(folder), str(root))))))
    return name


def _install(version: str, folder: Path) -> None:
    # what it needs besides is what the installed one needs, but for an import of 6.31 that only `%gui` leads to
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", str(folder)]
    try:
        said = subprocess.run([*command, f"ipykernel=={version}.*"], capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the package index gave no ipykernel {version} within {SECONDS} s")
    if said.returncode:
        last = said.stderr.strip().splitlines()[-1:]
        pytest.skip(f"the package index gives no ipykernel {version}: {' '.join(last)}")


def _spec(name: str, path: str) -> dict[str, object]:
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return {"argv": command, "display_name": name, "language": "python", "env": {"PYTHONPATH": path}}
