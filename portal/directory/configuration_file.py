"""The project's configuration as the text of a TOML file, which `load_configuration` reads again."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from portal.directory.configuration import ProjectConfiguration


def as_toml(configuration: ProjectConfiguration) -> str:
    """Return every setting with its value, also those that have their defaults."""
    values: dict[str, Any] = msgspec.to_builtins(configuration)
    parts = [_pairs({name: one for name, one in values.items() if isinstance(one, str)})]
    for name, one in values.items():
        if isinstance(one, dict):
            parts.append(f"[{name}]\n{_pairs(one)}")
        elif not isinstance(one, str):
            parts += [f"[[{name}]]\n{_pairs(row)}" for row in one]
    return "\n".join(parts)


def _pairs(values: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {_value(one)}\n" for name, one in values.items() if one is not None)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{name} = {_value(one)}" for name, one in value.items() if one is not None)
        return f"{{ {', '.join(pairs)} }}"
    # A string, a number, a boolean and a list of strings are the same in TOML as in JSON.
    return json.dumps(value, ensure_ascii=False)
