"""Every method of Stytch's SDKs, to distinguish one that isn't here yet from one that never was.

`stytch_methods.json` beside this lists them; it names its sources and their date.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from portal.api.declaration import by_address
from portal.api.endpoints.declared import ENDPOINTS


class SdkMethod(NamedTuple):
    """An address that SDKs request, with the method's name in Stytch's documentation; `path` begins with a slash."""

    name: str
    verb: str
    path: str

    @property
    def pattern(self) -> str:
        """The path as a regular expression."""
        return re.sub(r"{\w+}", "[^/]+", self.path)

    @property
    def is_redirect(self) -> bool:
        """Say whether people's browsers are sent to this address, instead of a program requesting it."""
        return self.verb == "GET" and "/public/" in self.path


@cache
def sdk_methods() -> tuple[SdkMethod, ...]:
    """Return all methods, whether they are here or not."""
    listed = json.loads((Path(__file__).parent / "stytch_methods.json").read_text("utf-8"))
    return tuple(SdkMethod(*row) for row in listed["methods"])


def not_yet(verb: str, path: str) -> str:
    """Return the name of the SDK's method at an address, "" where no SDK has one."""
    return next((one.name for one in _missing() if one.verb == verb and re.fullmatch(one.pattern, path)), "")


def name_at(verb: str, path: str) -> str:
    """Return the name of the SDK's method whose path has this form, such as `/v1/b2b/scim/{organization_id}`.

    Raises KeyError where no SDK has one.
    """
    return _names()[verb, SdkMethod("", verb, path).pattern]


def missing_methods() -> list[str]:
    """Return the names of the SDKs' methods that are not here yet, each once."""
    return list(dict.fromkeys(one.name for one in _missing()))


def redirects() -> Iterator[SdkMethod]:
    """Yield the methods that people's browsers are sent to."""
    return (one for one in _missing() if one.is_redirect)


@cache
def _names() -> dict[tuple[str, str], str]:
    return {(one.verb, one.pattern): one.name for one in sdk_methods()}


@cache
def _missing() -> tuple[SdkMethod, ...]:
    here = {
        (verb, SdkMethod("", verb, f"/{path}").pattern)
        for path, verbs in by_address(ENDPOINTS.values()).items()
        for verb in verbs
    }
    return tuple(one for one in sdk_methods() if (one.verb, one.pattern) not in here)
