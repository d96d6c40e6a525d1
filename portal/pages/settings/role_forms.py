"""The forms of roles and of roles by email domain, and the addresses of roles."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.text import slugify

from portal.directory.authority import Authority
from portal.directory.errors import NotFound
from portal.directory.policy import MEMBER_ROLE, WILDCARD, Role, role_name

_MAX_PERMISSIONS = 2000
_MAX_LENGTH = 256
# IDs that are a segment of an address as they are.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def role_key(role_id: str) -> str:
    """Return a role's segment of an address. The API allows every text as an ID, so others than plain ones are encoded."""
    if _PLAIN.fullmatch(role_id):
        return role_id
    return f"~{base64.urlsafe_b64encode(role_id.encode()).decode().rstrip('=')}"


def role_of_key(key: str) -> str:
    """Return the role's ID. Raise NotFound if it isn't one."""
    if not key.startswith("~"):
        return key
    try:
        return base64.urlsafe_b64decode(f"{key[1:]}{'=' * (-len(key[1:]) % 4)}").decode()
    except (binascii.Error, ValueError):
        raise NotFound("This role doesn’t exist.") from None


class Permissions(forms.MultipleChoiceField):
    """Permissions as `resource:action`. The directory knows which ones exist."""

    def valid_value(self, value: str) -> bool:
        """Return whether the value could be a permission."""
        return ":" in value and len(value) <= _MAX_LENGTH and "\0" not in value

    def validate(self, value: list[str]) -> None:
        """Raise ValidationError for more permissions than the form could have."""
        super().validate(value)
        if len(value) > _MAX_PERMISSIONS:
            raise forms.ValidationError(f"Choose up to {_MAX_PERMISSIONS:,} permissions.")


class RoleForm(forms.Form):
    """What a role allows. The ID of a new role comes from its name; that of an existing one never changes."""

    name = forms.CharField(label="Name", max_length=60)
    description = forms.CharField(
        label="Description", max_length=512, required=False, help_text="What the role is for. Members see it."
    )
    permissions = Permissions(
        error_messages={
            "required": "Choose at least one permission.",
            "invalid_choice": "“%(value)s” isn’t a permission.",
        }
    )
    version = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, role: Role | None = None, **options: Any) -> None:
        super().__init__(data, **options)
        self._role = role
        if role is not None:
            del self.fields["name"]

    def clean_name(self) -> str:
        """Return the name. Reject one without a letter or digit: no ID could be derived from it."""
        name: str = self.cleaned_data["name"]
        if not _id_of(name):
            raise forms.ValidationError("Use letters and digits of the Latin alphabet.")
        if _id_of(name).startswith("stytch"):
            raise forms.ValidationError("Names that begin with “stytch” are reserved.")
        return name

    @property
    def role(self) -> Role:
        """The role as it was filled in."""
        chosen = self.cleaned_data
        return Role(
            role_id=self._role.role_id if self._role else _id_of(chosen["name"]),
            description=chosen["description"],
            permissions=_by_resource(chosen["permissions"]),
        )


class EmailRuleForm(forms.Form):
    """A role for everyone with an email address in a domain."""

    domain = forms.CharField(
        label="Email domain", max_length=253, widget=forms.TextInput(attrs={"placeholder": "example.com"})
    )
    role_id = forms.ChoiceField(label="Role")
    version = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, role_ids: Iterable[str], **options: Any) -> None:
        super().__init__(data, **options)
        given = sorted((role_name(role_id), role_id) for role_id in role_ids)
        self.fields["role_id"].choices = [("", "Choose a role"), *((role_id, name) for name, role_id in given)]  # type: ignore[attr-defined]  # -- a ChoiceField


def grantable(authority: Authority) -> tuple[str, ...]:
    """Return the roles that someone may give to others."""
    return tuple(one for one in authority.policy.roles if one != MEMBER_ROLE and authority.may_grant([one]))


def _id_of(name: str) -> str:
    return slugify(name).replace("-", "_")


def _by_resource(permissions: Iterable[str]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for permission in permissions:
        resource_id, _, action = permission.partition(":")
        found.setdefault(resource_id, set()).add(action)
    everything = frozenset({WILDCARD})
    return {name: everything if WILDCARD in actions else frozenset(actions) for name, actions in found.items()}
