"""Redaction of logged requests: the structure is kept, personal values are masked, and secrets are removed.

A masked text keeps its length and shape: `ada@acme.com` becomes `xxx@xxxx.xxx`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from portal.embedded.scim.protocol.schemas import GROUP, USER, Attribute

MAX_CHARACTERS = 16_384  # of a body
_SECRET = "***"  # noqa: S105 -- shown instead of a secret
_SECRETS = frozenset({"password", "secret", "token", "access_token", "authorization", "bearer_token"})
# Attributes whose values are keywords of the protocol, not personal.
_PROTOCOL = frozenset(
    "op method type resourcetype schemas bulkid sortorder created lastmodified failonerrors startindex count".split()
)
_PATHS = frozenset({"sortby", "attributes", "excludedattributes"})
_PARAMETERS = _PATHS | {"filter", "cursor", "startindex", "count", "sortorder"}
# Including wrong ones that clients often use.
_ENDPOINTS = frozenset(
    "users groups me bulk schemas resourcetypes serviceproviderconfig .search v1 v2 scim b2b user group schema"
    " resourcetype serviceproviderconfigs roles entitlements".split()
)
_OPERATORS = frozenset("eq ne co sw ew gt ge lt le pr and or not true false null".split())

_ENCODINGS = frozenset("gzip x-gzip deflate br zstd compress x-compress".split())
_WORDS = _OPERATORS | _PROTOCOL | _ENCODINGS | {"operations", "add", "remove", "replace", "path", "data"}

_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
# Our ids, and random ids of others: they mean nothing without the directory that they come from.
_ID = re.compile(
    rf"(?:scim-(?:user|group|connection)-(?:live|test)-)?{_UUID}|00[gu][0-9A-Za-z]{{17}}|bulkId:[\w.-]{{1,64}}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w.:+-]{1,128}", re.ASCII)
_URN = re.compile(r"urn:[\w:.-]+", re.ASCII)
_NAME = re.compile(r"[A-Za-z$][\w$.:-]{0,199}", re.ASCII)
_BRACKETS = re.compile(r"\[.*\]", re.DOTALL)
_FILTER_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[()\[\]\s,]+|[^\s()\[\],"]+', re.DOTALL)
# Values that an error message quotes. Where the text before it says what it is, a value ends at the last quotation mark,
# because it can contain quotation marks itself.
_QUOTED = re.compile(
    r"""(?P<lead>(?:attribute|endpoint|the\ group|Group\ with\ the\ displayName)\ )"(?P<kept>.*)"
      | (?P<missing>There\ is\ no\ such\ [\w\ ]+:\ )(?P<ids>.*)(?=\.)
      | (?P<subject>User\ with\ the\ \w+\ |The\ filter\ has\ |There\ is\ no\ (?:User\ |Group\ )?)"(?P<personal>.*)"
        (?=\ already|\ where|\ instead|\.)
      | "(?P<other>[^"]*)"
      | (?P<address>[^\s",]+@[^\s",]+)""",
    re.VERBOSE | re.DOTALL,
)
_UNUSUAL = re.compile(r"[^\x20-\x7e]")
_SHAPE = str.maketrans("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "x" * 26 + "X" * 26 + "0" * 10)


def mask(text: str) -> str:
    """Return a text of the same length and shape with every letter and digit replaced."""
    shape = text.translate(_SHAPE)
    return shape if shape.isascii() and shape.isprintable() else _UNUSUAL.sub("x", shape)


def redact_body(body: Mapping[str, Any], *, about_groups: bool) -> tuple[str, bool]:
    """Return the redacted body as JSON, and whether it was cut. Values beyond the limit aren't even processed."""
    redactor = _Redactor()
    document = redactor.object("", body, about_groups=about_groups)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text[:MAX_CHARACTERS], redactor.is_cut or len(text) > MAX_CHARACTERS


def redact_query(query: str, *, about_groups: bool) -> str:
    """Return the redacted parameters of a URL, decoded for reading."""
    pairs = parse_qsl(query[:MAX_CHARACTERS], keep_blank_values=True, errors="replace")
    return "&".join(f"{_name(name)}={_parameter(name, value, about_groups=about_groups)}" for name, value in pairs)


def redact_path(path: str) -> str:
    """Return the path after the base URL with endpoints and ids, and every other segment masked."""
    endpoint = path.strip("/").partition("/")[0].lower()
    keeps_names = endpoint in {"schemas", "resourcetypes"}
    return "/".join(
        part if _is_public_segment(part, keeps_names=keeps_names) else mask(part) for part in path.split("/")
    )


def redact_filter(text: str, *, about_groups: bool) -> str:
    """Return a filter, or the path of a PATCH operation, with its values masked."""
    return "".join(_filter_tokens(text[:MAX_CHARACTERS], about_groups=about_groups))


def redact_detail(detail: str) -> str:
    """Return an error message with the personal values that it quotes masked."""
    return _QUOTED.sub(_redact_match, detail)


def masked_attributes(body: Mapping[str, Any], *, about_groups: bool) -> tuple[str, ...]:
    """Return the attributes of a redacted body whose values look masked."""
    return tuple(sorted(set(_masked("", body, about_groups=about_groups))))


def _masked(attribute: str, value: Any, *, about_groups: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            meaning = _meaning(attribute, name, value)
            shown = name if meaning == name.lower() else meaning
            for found in _masked(meaning, one, about_groups=about_groups):
                yield shown if found == meaning else found
    elif isinstance(value, list):
        for one in value:
            yield from _masked(attribute, one, about_groups=about_groups)
    elif _looks_masked(attribute, value, about_groups=about_groups):
        yield attribute


def _looks_masked(attribute: str, value: Any, *, about_groups: bool) -> bool:
    if isinstance(value, str):
        texts = re.findall(r'"([^"]*)"', value) if attribute == "path" else [value]
        return any(one == _SECRET or _is_mask(attribute, one, about_groups=about_groups) for one in texts)
    return value == 0 and not isinstance(value, bool) and attribute not in _PROTOCOL


def _is_mask(attribute: str, text: str, *, about_groups: bool) -> bool:
    return mask(text) == text and bool(text) and not _is_public(attribute, text, about_groups=about_groups)


class _Redactor:
    """Redacts one body, up to the limit."""

    def __init__(self) -> None:
        self._left = MAX_CHARACTERS

    @property
    def is_cut(self) -> bool:
        """Return whether the body was longer than the limit."""
        return self._left < 0

    def object(self, attribute: str, document: Mapping[str, Any], *, about_groups: bool) -> dict[str, Any]:
        """Return a redacted object. `attribute` is the name of the attribute whose value it is."""
        kept: dict[str, Any] = {}
        if "method" in document:  # an operation of a bulk request is about a resource type of its own
            about_groups = str(document.get("path", "")).lower().startswith("/groups")
        for name, value in document.items():
            shown = _name(name)
            if self._consume(len(shown) + 4):
                break
            kept[shown] = self._value(_meaning(attribute, name, document), value, about_groups=about_groups)
        return kept

    def _value(self, attribute: str, value: Any, *, about_groups: bool) -> Any:
        if attribute in _SECRETS:
            value = _SECRET
        elif isinstance(value, str):
            value = _text(attribute, value[:MAX_CHARACTERS], about_groups=about_groups)
        elif isinstance(value, dict):
            return self.object(attribute, value, about_groups=about_groups)
        elif isinstance(value, list):
            return list(self._list(attribute, value, about_groups=about_groups))
        elif isinstance(value, int | float) and not isinstance(value, bool) and attribute not in _PROTOCOL:
            value = 0
        # An estimate of the length as JSON; redact_body() cuts what exceeds the limit.
        self._consume(len(value) + 3 if isinstance(value, str) else 6)
        return value

    def _list(self, attribute: str, values: list[Any], *, about_groups: bool) -> Iterator[Any]:
        for value in values:
            if self._consume(2):
                return
            yield self._value(attribute, value, about_groups=about_groups)

    def _consume(self, characters: int) -> bool:
        """Count characters against the limit, and return whether it is exceeded."""
        self._left -= characters
        return self._left < 0


def _meaning(parent: str, name: str, document: Mapping[str, Any]) -> str:
    """Return the attribute that a member of an object is about. For `value` it is the PATCH path, or else the parent."""
    lower = name.lower()
    if parent in _SECRETS:
        return parent
    if lower != "value":
        return _last(lower)
    for key, path in document.items():
        if key.lower() == "path" and isinstance(path, str):
            return _last(path.lower()) or parent
    return parent


@lru_cache
def _last(path: str) -> str:
    """Return the last attribute of a path."""
    return _BRACKETS.sub("", path).rpartition(":")[2].rpartition(".")[2].strip()


def _text(attribute: str, text: str, *, about_groups: bool) -> str:
    if attribute == "path" and text.startswith("/"):
        return redact_path(text)
    if attribute == "path":
        return _patch_path(text, about_groups=about_groups)
    if attribute == "filter" or attribute in _PATHS:
        return redact_filter(text, about_groups=about_groups)
    return text if _is_public(attribute, text, about_groups=about_groups) else mask(text)


def _patch_path(text: str, *, about_groups: bool) -> str:
    """Return a PATCH path with its attribute, even one that no schema has, and the values in its filter masked."""
    name, bracket, value_filter = text.partition("[")
    if not _NAME.fullmatch(name):
        return redact_filter(text, about_groups=about_groups)
    return name + bracket + redact_filter(value_filter, about_groups=about_groups)


def _is_public(attribute: str, text: str, *, about_groups: bool) -> bool:
    """Return whether a value isn't personal."""
    if attribute in _PROTOCOL and _WORD.fullmatch(text):
        return True
    if about_groups and attribute == "displayname":
        return True
    return text.lower() in {"", "true", "false"} or _ID.fullmatch(text) is not None


def _parameter(name: str, value: str, *, about_groups: bool) -> str:
    lower = name.lower()
    if lower in _SECRETS or lower == "cursor":
        return _SECRET
    return _text(lower, value, about_groups=about_groups) if lower in _PARAMETERS else mask(value)


def _filter_tokens(text: str, *, about_groups: bool) -> Iterator[str]:
    attribute = ""
    for token in _FILTER_TOKEN.findall(text):
        if token.startswith('"'):
            value = token[1:-1] if token.endswith('"') and len(token) > 1 else token[1:]
            yield f'"{value if _is_public(attribute, value, about_groups=about_groups) else mask(value)}"'
        elif not token.strip("()[], \t\r\n") or token.lower() in _OPERATORS:
            yield token
        elif _is_attribute(token):
            attribute = _last(token.lower())
            yield token
        else:
            yield mask(token)


def _names(attributes: Mapping[str, Attribute]) -> Iterator[str]:
    for name, attribute in attributes.items():
        yield name.rpartition(":")[2]
        yield from _names(attribute.sub_attributes)


_ATTRIBUTES = frozenset(
    name for schema in (USER, GROUP) for inner in (schema.core, schema.extensions) for name in _names(inner)
) | {"password", "schemas", "resourcetype", "location", "version"}
_URNS = tuple(urn.lower() for schema in (USER, GROUP) for urn in (schema.urn, *schema.extensions))


def _is_attribute(path: str) -> bool:
    """Return whether a text is the path of an attribute in a schema, with or without the schema's URN."""
    lower = path.lower().lstrip(".")
    # Entra also writes a dot after a URN.
    urn = next((urn for urn in _URNS if lower == urn or lower.startswith((f"{urn}:", f"{urn}."))), "")
    return all(part in _ATTRIBUTES for part in lower[len(urn) :].lstrip(":.").split(".") if part or not urn)


def _is_public_segment(part: str, *, keeps_names: bool) -> bool:
    is_name = keeps_names and _NAME.fullmatch(part) is not None
    return not part or is_name or part.lower() in _ENDPOINTS or _ID.fullmatch(part) is not None


@lru_cache
def _name(name: str) -> str:
    """Return the name of an object's member. Some clients send paths with filters as names, whose values are masked."""
    return _patch_path(name, about_groups=False)


def _redact_match(match: "re.Match[str]") -> str:
    if match["lead"] is not None:
        is_public = "group" in match["lead"].lower() or _NAME.fullmatch(match["kept"])
        return f'{match["lead"]}"{match["kept"] if is_public else mask(match["kept"])}"'
    if match["missing"] is not None:
        return match["missing"] + ", ".join(_mask_unless_id(one) for one in match["ids"].split(", "))
    if match["subject"] is not None:
        return f'{match["subject"]}"{_mask_unless_id(match["personal"])}"'
    if match["address"] is not None:
        return mask(match["address"])
    return f'"{_mask_unless_known(match["other"], leads=match.start() == 0)}"'


def _mask_unless_id(text: str) -> str:
    return text if _ID.fullmatch(text) else mask(text)


def _mask_unless_known(text: str, *, leads: bool) -> str:
    """Mask a text unless it is a keyword or an attribute. A message that begins with a quoted name is about an attribute."""
    is_keyword = text.lower() in _WORDS
    is_name = is_keyword or _is_attribute(text) or _URN.fullmatch(text) or (leads and _NAME.fullmatch(text))
    return text if is_name or _is_public("", text, about_groups=False) else mask(text)
