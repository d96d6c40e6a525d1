"""Gatehouse's version."""

import tomllib
from importlib import metadata

from portal.folders import IS_INSTALLED, ROOT


def version() -> str:
    """Return Gatehouse's version, which pyproject.toml sets."""
    if IS_INSTALLED:
        return metadata.version("gatehouse")
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
