"""The arguments of a call: from the path, and from the query or the JSON body."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError

from portal.api.errors.responses import ApiError, InvalidArgument, busy
from portal.serving.bodies import BodyProblem, body_problem
from portal.web.json_size import most_values

Arguments = dict[str, Any]
Struct = TypeVar("Struct", bound=msgspec.Struct)

_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_MISSING = re.compile(r"Object missing required field `(?P<name>\w+)`")
# No database takes it as text.
_NUL = re.compile(rb"\x00|\\u0000")
# Of lists and objects within each other: what is kept of them is read again where less of the stack is left.
_DEEPEST = 100
# Each takes memory, however short it is.
_MOST_VALUES = 200_000


def read_arguments(request: HttpRequest, path: Mapping[str, str]) -> Arguments:
    """Return everything that a call says. Raises ApiError.

    The path has the last word: the SDKs repeat its parameters in the query or the body.
    """
    reads_body = request.method in {"POST", "PUT", "PATCH"}
    arguments = {**(_body(request) if reads_body else request.GET.dict()), **path}
    if not reads_body and any("\0" in value for value in arguments.values()):
        raise InvalidArgument("No text may hold the NUL character.")
    return arguments


def convert(arguments: Arguments, into: type[Struct], *, is_text: bool) -> Struct:
    """Return the request's values; `is_text` says that numbers and yes or no stand there as text. Raises InvalidArgument.

    What the type does not know is ignored, as Stytch does.
    """
    try:
        return msgspec.convert(arguments, into, strict=not is_text)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None


def _body(request: HttpRequest) -> Arguments:
    content = _content(request)
    if not content.strip():
        return {}
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError("bad_request", "The body is not JSON in UTF-8.") from None
    if not isinstance(body, dict):
        raise ApiError("bad_request", "The body must be a JSON object.")
    if content.count(b"[") + content.count(b"{") > _DEEPEST and _is_deeper(body, _DEEPEST):
        raise ApiError("bad_request", f"Lists and objects in the body are nested more than {_DEEPEST} deep.")
    return body


def _content(request: HttpRequest) -> bytes:
    """Return the body as it was sent. Raises ApiError where it isn't worth parsing."""
    try:
        content = request.body
    except RequestDataTooBig:
        raise ApiError("bad_request", "The body is too large.") from None
    except UnreadablePostError:
        if body_problem(request) is BodyProblem.BUSY:
            raise busy() from None
        raise ApiError("bad_request", "The body did not arrive as a whole, or not in time.") from None
    if _NUL.search(content):
        raise InvalidArgument("No text may hold the NUL character.")
    if most_values(content) > _MOST_VALUES:
        raise ApiError("bad_request", f"The body has more than {_MOST_VALUES} values.")
    return content


def _is_deeper(value: Any, most: int) -> bool:
    """Say whether more lists and objects than that stand within each other."""
    level = [value]
    for _ in range(most):
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
        level = [one for one in level if isinstance(one, dict | list)]
    return bool(level)


def _invalid(message: str) -> InvalidArgument:
    """Return what the library says of a value, beginning with the field's name."""
    place = _PLACE.search(message)
    at = place["place"] if place else ""
    said = _PLACE.sub("", message)
    missing = _MISSING.match(said)
    if missing:
        name = f"{at}.{missing['name']}" if at else missing["name"]
        return InvalidArgument(f"{name} is required.", field=missing["name"])
    text = said.replace("`", "")
    return InvalidArgument(f"{at}: {text[:1].lower()}{text[1:]}." if at else f"{text}.", field=at)
