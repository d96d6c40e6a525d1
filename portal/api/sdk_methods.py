"""Every method of Stytch's SDKs, to distinguish those that Gatehouse doesn't have yet from unknown ones.

`stytch_methods.json` lists them, with its sources and their date.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from portal.api.declaration import by_path
from portal.api.endpoints import ENDPOINTS


class SdkMethod(NamedTuple):
    """A method by its name in Stytch's documentation, with the verb and path that SDKs request. `path` starts with a slash."""

    name: str
    verb: str
    path: str

    @property
    def pattern(self) -> str:
        """The path as a regular expression."""
        return re.sub(r"{\w+}", "[^/]+", self.path)

    @property
    def is_redirect(self) -> bool:
        """Say whether a product redirects browsers to this path, instead of requesting it from code."""
        return self.verb == "GET" and "/public/" in self.path


@cache
def sdk_methods() -> tuple[SdkMethod, ...]:
    """Return all methods, available here or not."""
    listed = json.loads((Path(__file__).parent / "stytch_methods.json").read_text("utf-8"))
    return tuple(SdkMethod(*row) for row in listed["methods"])


def missing_method_at(verb: str, path: str) -> str:
    """Return the name of the method at a path if Gatehouse doesn't have it yet; "" if no SDK has one."""
    return next((one.name for one in _missing() if one.verb == verb and re.fullmatch(one.pattern, path)), "")


def name_at(verb: str, path: str) -> str:
    """Return the name of the method with this path pattern, such as `/v1/b2b/scim/{organization_id}`.

    Raise KeyError if no SDK has one.
    """
    return _names()[verb, SdkMethod("", verb, path).pattern]


def missing_methods() -> list[str]:
    """Return the distinct names of the methods that Gatehouse doesn't have yet."""
    return list(dict.fromkeys(one.name for one in _missing()))


def redirects() -> Iterator[SdkMethod]:
    """Yield the missing methods that products redirect browsers to."""
    return (one for one in _missing() if one.is_redirect)


@cache
def _names() -> dict[tuple[str, str], str]:
    return {(one.verb, one.pattern): one.name for one in sdk_methods()}


@cache
def _missing() -> tuple[SdkMethod, ...]:
    here = {
        (verb, SdkMethod("", verb, f"/{path}").pattern)
        for path, verbs in by_path(ENDPOINTS.values()).items()
        for verb in verbs
    }
    return tuple(one for one in sdk_methods() if (one.verb, one.pattern) not in here)
