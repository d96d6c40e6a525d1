"""Where Gatehouse's own files are, and those of an installation."""

import os
from pathlib import Path

# The folder that contains this package: a checkout, or the site-packages of an installed wheel.
ROOT = Path(__file__).resolve().parent.parent
_PACKED = ROOT / "portal" / "resources"
IS_INSTALLED = _PACKED.is_dir()
# templates/ and static/ are here. A wheel has them inside this package (pyproject.toml).
RESOURCES = _PACKED if IS_INSTALLED else ROOT


def home() -> Path:
    """Return the folder of `.env`, the SQLite database and the collected static files."""
    if chosen := os.environ.get("GATEHOUSE_HOME"):
        return Path(chosen).resolve()
    if not IS_INSTALLED:
        return ROOT
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "gatehouse"


HOME = home()
