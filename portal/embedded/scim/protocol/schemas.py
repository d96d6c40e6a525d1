"""The schemas of users and groups. The published schemas are those by which documents are read.

`schemas.json` is what scim2-models publishes. Importing the library would take longer than starting the server.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# Accepted and dropped, and so not published: Okta sends a password with every new user.
_NEVER_KEPT = frozenset({"password"})
# As RFC 7643, 8.7.1, describes them.
_DESCRIPTIONS = {"User": "User Account", "EnterpriseUser": "Enterprise User"}
# The names of a group's members cost as much as the rest of the list, so they are returned only on request.
_MEMBER_DISPLAY = {"mutability": "readOnly", "returned": "request"}


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity, so it can be a key
class Attribute:
    """An attribute and its characteristics (RFC 7643, 2.2)."""

    name: str
    type: str
    multi_valued: bool
    required: bool
    case_exact: bool
    mutability: str
    sub_attributes: Mapping[str, "Attribute"]

    def sub_attribute(self, name: str) -> "Attribute | None":
        """Return the sub-attribute of this name in any case."""
        return self.sub_attributes.get(name.lower())


@dataclass(frozen=True, slots=True, eq=False)
class ResourceSchema:
    """A resource type: its core attributes, and its extensions as attributes named by their URN."""

    name: str
    urn: str
    endpoint: str
    core: Mapping[str, Attribute]
    extensions: Mapping[str, Attribute]
    published: tuple[dict[str, Any], ...]
    # In lower case.
    never_kept: frozenset[str] = frozenset()
    # Whether attributes of extensions can be named without their URN, or with a dot after it, as Entra does.
    has_short_names: bool = False

    def attribute(self, name: str) -> Attribute | None:
        """Return the core attribute or the extension of this name in any case."""
        return self.core.get(name.lower()) or self.extensions.get(name.lower())

    def resolve(self, path: str) -> tuple[Attribute, ...]:
        """Return the attributes along a path `[URN:]attribute[.subAttribute]` (RFC 7644, 3.10), or () for an unknown one."""
        extension, rest = self._split(path)
        if extension is not None and not rest:
            return (extension,)
        name, _, sub = rest.partition(".")
        attribute = extension.sub_attribute(name) if extension else self.core.get(name.lower())
        if attribute is None and extension is None and self.has_short_names:
            extension, attribute = self._by_short_name(name)
        if attribute is None:
            return ()
        found = (extension, attribute) if extension else (attribute,)
        if not sub:
            return found
        sub_attribute = attribute.sub_attribute(sub)
        return (*found, sub_attribute) if sub_attribute else ()

    def resolve_compared(self, path: str) -> tuple[Attribute, ...]:
        """Resolve a path of a filter. For Entra, an object such as `manager` is compared by its `value`."""
        found = self.resolve(path)
        value = found[-1].sub_attribute("value") if found and self.has_short_names else None
        return (*found, value) if value and not found[-1].multi_valued else found

    def _by_short_name(self, name: str) -> tuple[Attribute | None, Attribute | None]:
        """Return the only extension with an attribute of this name, and the attribute."""
        found = [(one, sub) for one in self.extensions.values() if (sub := one.sub_attribute(name))]
        return found[0] if len(found) == 1 else (None, None)

    def _split(self, path: str) -> tuple[Attribute | None, str]:
        """Return the extension that a path begins with, and the rest, without the URN of the core schema."""
        lower = path.lower()
        for urn, extension in self.extensions.items():
            if lower == urn or lower.startswith(f"{urn}:") or (self.has_short_names and lower.startswith(f"{urn}.")):
                return extension, path[len(urn) + 1 :]
        prefix = f"{self.urn.lower()}:"
        return None, path[len(prefix) :] if lower.startswith(prefix) else path


def _read(document: Mapping[str, Any]) -> Attribute:
    """Return an attribute of a schema in JSON, with the defaults of RFC 7643, 2.2."""
    return Attribute(
        name=document["name"],
        type=document.get("type", "string"),
        multi_valued=document.get("multiValued", False),
        required=document.get("required", False),
        case_exact=document.get("caseExact", False),
        mutability=document.get("mutability", "readWrite"),
        sub_attributes=_by_name(map(_read, document.get("subAttributes", ()))),
    )


def _by_name(attributes: Iterator[Attribute]) -> dict[str, Attribute]:
    return {attribute.name.lower(): attribute for attribute in attributes}


def _common(name: str, kind: str, mutability: str, *sub_attributes: Attribute) -> Attribute:
    """Return an attribute that every resource has (RFC 7643, 3.1)."""
    return Attribute(name, kind, False, False, True, mutability, _by_name(iter(sub_attributes)))  # noqa: FBT003 -- the fields' order


_COMMON = _by_name(
    iter(
        (
            _common("id", "string", "readOnly"),
            _common("externalId", "string", "readWrite"),
            Attribute("schemas", "reference", True, True, True, "readOnly", {}),  # noqa: FBT003 -- the fields' order
            _common(
                "meta",
                "complex",
                "readOnly",
                _common("created", "dateTime", "readOnly"),
                _common("lastModified", "dateTime", "readOnly"),
                _common("resourceType", "string", "readOnly"),
                _common("location", "reference", "readOnly"),
                _common("version", "string", "readOnly"),
            ),
        )
    )
)


def _resource(endpoint: str, schema: dict[str, Any], *extensions: dict[str, Any]) -> ResourceSchema:
    return ResourceSchema(
        name=schema["name"],
        urn=schema["id"],
        endpoint=endpoint,
        core=_COMMON | _by_name(_read(one) for one in schema["attributes"] if one["name"] not in _NEVER_KEPT),
        extensions=_by_urn(extensions),
        published=tuple(map(_publish, (schema, *extensions))),
        never_kept=_NEVER_KEPT & {one["name"] for one in schema["attributes"]},
    )


def _by_urn(extensions: Iterable[dict[str, Any]]) -> dict[str, Attribute]:
    return {one["id"].lower(): _extension(one) for one in extensions}


def _extension(schema: dict[str, Any]) -> Attribute:
    attributes = _by_name(map(_read, schema.get("attributes", ())))
    return Attribute(schema["id"], "complex", False, False, False, "readWrite", attributes)  # noqa: FBT003 -- as above


def _publish(schema: dict[str, Any]) -> dict[str, Any]:
    return schema | {
        "description": _DESCRIPTIONS.get(schema["name"], schema.get("description", schema["name"])),
        "attributes": [
            _with_member_display(one) if one["name"] == "members" else one
            for one in schema.get("attributes", ())
            if one["name"] not in _NEVER_KEPT
        ],
    }


def _with_member_display(members: dict[str, Any]) -> dict[str, Any]:
    return members | {
        "subAttributes": [
            one | (_MEMBER_DISPLAY if one["name"] == "display" else {}) for one in members.get("subAttributes", ())
        ]
    }


@lru_cache(maxsize=256)
def extended(base: ResourceSchema, text: str) -> ResourceSchema:
    """Return a resource type with further extensions, given as a list of schemas in JSON."""
    extensions = json.loads(text)
    return replace(
        base,
        extensions={**base.extensions, **_by_urn(extensions)},
        published=(*base.published, *map(_publish, extensions)),
    )


@lru_cache(maxsize=256)
def with_short_names(schema: ResourceSchema) -> ResourceSchema:
    """Return a resource type whose extensions' attributes can be named without URN."""
    return replace(schema, has_short_names=True)


_user, _enterprise_user, _group = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
USER = _resource("/Users", _user, _enterprise_user)
GROUP = _resource("/Groups", _group)
