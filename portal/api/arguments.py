"""Read the arguments of a request from its path, and from its query string or JSON body."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError

from portal.api.errors.responses import ApiError, InvalidArgument, busy
from portal.serving.bodies import BodyProblem, body_problem
from portal.web.json_size import max_value_count

Arguments = dict[str, Any]
Struct = TypeVar("Struct", bound=msgspec.Struct)

_FIELD = re.compile(r" - at `\$\.?(?P<field>[^`]*)`$")
_MISSING = re.compile(r"Object missing required field `(?P<name>\w+)`")
# No database stores it as text.
_NUL = re.compile(rb"\x00|\\u0000")
# Stored values are parsed again later, where less of the stack may be left.
_MAX_DEPTH = 100
# Each value takes memory, however short it is.
_MAX_VALUES = 200_000


def read_arguments(request: HttpRequest, path: Mapping[str, str]) -> Arguments:
    """Return all arguments of a request. Raise ApiError if they can't be read.

    The path wins: the SDKs repeat its parameters in the query string or the body.
    """
    reads_body = request.method in {"POST", "PUT", "PATCH"}
    arguments = {**(_body(request) if reads_body else request.GET.dict()), **path}
    if not reads_body and any("\0" in value for value in arguments.values()):
        raise InvalidArgument("Text must not contain the NUL character.")
    return arguments


def convert(arguments: Arguments, into: type[Struct], *, is_text: bool) -> Struct:
    """Return the arguments as a struct. Raise InvalidArgument if one is missing or has the wrong type.

    With `is_text`, numbers and booleans are given as text. Unknown arguments are ignored, as Stytch does.
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
    if content.count(b"[") + content.count(b"{") > _MAX_DEPTH and _is_deeper_than(body, _MAX_DEPTH):
        raise ApiError("bad_request", f"Lists and objects in the body are nested more than {_MAX_DEPTH} deep.")
    return body


def _content(request: HttpRequest) -> bytes:
    """Return the body as bytes. Raise ApiError if it isn't worth parsing."""
    try:
        content = request.body
    except RequestDataTooBig:
        raise ApiError("bad_request", "The body is too large.") from None
    except UnreadablePostError:
        if body_problem(request) is BodyProblem.BUSY:
            raise busy() from None
        raise ApiError("bad_request", "The body was incomplete or arrived too late.") from None
    if _NUL.search(content):
        raise InvalidArgument("Text must not contain the NUL character.")
    if max_value_count(content) > _MAX_VALUES:
        raise ApiError("bad_request", f"The body has more than {_MAX_VALUES} values.")
    return content


def _is_deeper_than(value: Any, depth: int) -> bool:
    """Say whether lists and objects are nested deeper than this."""
    level = [value]
    for _ in range(depth):
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
        level = [one for one in level if isinstance(one, dict | list)]
    return bool(level)


def _invalid(message: str) -> InvalidArgument:
    """Return msgspec's message with the name of the field in front."""
    found = _FIELD.search(message)
    field = found["field"] if found else ""
    problem = _FIELD.sub("", message)
    missing = _MISSING.match(problem)
    if missing:
        name = f"{field}.{missing['name']}" if field else missing["name"]
        return InvalidArgument(f"{name} is required.", field=missing["name"])
    text = problem.replace("`", "")
    return InvalidArgument(f"{field}: {text[:1].lower()}{text[1:]}." if field else f"{text}.", field=field)
