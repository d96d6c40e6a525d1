"""The body of a request: JSON in UTF-8, limited in size, number of values and depth."""

import json
from math import isfinite
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from portal.embedded.models.fields import is_storable
from portal.embedded.scim.protocol.errors import InvalidSyntax, RequestRejected, ScimError, TooLarge
from portal.scim_server.rendering import MEDIA_TYPE
from portal.serving.bodies import BodyProblem, body_problem
from portal.serving.threads import RETRY_SECONDS
from portal.web.json_size import max_value_count

_CONTENT_TYPES = frozenset({"", MEDIA_TYPE, "application/json"})
_ENCODINGS = frozenset({"", "identity"})
_CONTAINERS = (dict, list)

Body = dict[str, Any]


def read_body(request: HttpRequest) -> Body:
    """Return the body. Raise RequestRejected, InvalidSyntax or TooLarge if it can't be read."""
    if request.content_type not in _CONTENT_TYPES:
        raise RequestRejected(415, f"Send the body as {MEDIA_TYPE} or application/json.")
    encoding = str(request.META.get("HTTP_CONTENT_ENCODING", "")).strip()[:100]
    if encoding.lower() not in _ENCODINGS:
        # RFC 9110, 15.5.16: the header names the accepted encoding.
        raise RequestRejected(
            415, f'The body is encoded as "{encoding}". Send it uncompressed.', Accept_Encoding="identity"
        )
    try:
        content = _read_content(request)
        if max_value_count(content) > settings.SCIM_MAX_VALUES:
            raise TooLarge(f"The body has more than {settings.SCIM_MAX_VALUES} values. Split it into several requests.")
        # Some clients begin with a byte order mark (RFC 8259, 8.1).
        text = content.decode("utf-8").removeprefix("\ufeff")
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)
    except OSError:
        raise _not_received(request) from None
    except (ValueError, RecursionError):
        raise InvalidSyntax("The body is not valid JSON in UTF-8.") from None
    if not isinstance(document, dict):
        raise InvalidSyntax("The body must be a JSON object.")
    _check_content(document, may_have_escapes="\\u" in text or "\0" in text)
    return document


def _read_content(request: HttpRequest) -> bytes:
    """Return the bytes of the body. Raise RequestRejected if the body is too large, without reading all of it."""
    limit = settings.SCIM_MAX_BODY_BYTES
    # Django reads nothing of a chunked body, which has no length. The server says whether the stream has an end.
    is_chunked = "wsgi.input_terminated" in request.META and not request.META.get("CONTENT_LENGTH")
    # Not `request.body`, which has the limit of the portal's forms.
    stream = request.META["wsgi.input"] if is_chunked else request
    content: bytes = b"" if _length(request) > limit else stream.read(limit + 1)
    if max(_length(request), len(content)) > limit:
        raise RequestRejected(413, f"The body is larger than {limit} bytes. Split it into several requests.")
    return content


def _not_received(request: HttpRequest) -> ScimError:
    match body_problem(request):
        case BodyProblem.LATE:
            return RequestRejected(408, "The body did not arrive in time.")
        case BodyProblem.BUSY:
            return RequestRejected(503, "The service is busy. Try again.", Retry_After=RETRY_SECONDS)
        case None:
            return InvalidSyntax("The body arrived incomplete.")


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isdecimal() else 0


def _object(pairs: list[tuple[str, Any]]) -> Body:
    document = dict(pairs)
    if len({name.lower() for name in document}) != len(pairs):
        raise InvalidSyntax("The body names an attribute twice.")
    return document


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise InvalidSyntax(f'The number "{text[:50]}" in the body is too large.')
    return number


def _no_constant(name: str) -> None:
    raise InvalidSyntax(f"{name} is not a JSON value.")


def _check_content(document: Body, *, may_have_escapes: bool) -> None:
    """Raise InvalidSyntax for a document that is nested too deeply, or with text that no database stores."""
    level: list[Any] = [document]
    for _ in range(settings.SCIM_MAX_DEPTH):
        if may_have_escapes:
            _check_texts(level)
        level = [inner for value in level if isinstance(value, _CONTAINERS) for inner in _children(value)]
        if not level:
            return
    raise InvalidSyntax(f"The body is nested more than {settings.SCIM_MAX_DEPTH} levels deep.")


def _children(value: "Body | list[Any]") -> list[Any]:
    return [*value.keys(), *value.values()] if isinstance(value, dict) else value


def _check_texts(values: list[Any]) -> None:
    for value in values:
        if isinstance(value, str) and not is_storable(value):
            raise InvalidSyntax("The body has a null character or an unpaired surrogate in a text.")
