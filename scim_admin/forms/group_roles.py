"""The form for the roles of a group."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.http import QueryDict

from portal.directory.scim.group_roles import ScimGroupRoles, roles_version

_MAX_ID_LENGTH = 128
_MAX_ROLES = 1000


class RoleIds(forms.MultipleChoiceField):
    """The IDs of roles. The directory knows which ones exist."""

    def valid_value(self, value: str) -> bool:
        """Return whether the value could be an ID."""
        return 0 < len(value) <= _MAX_ID_LENGTH and "\0" not in value

    def validate(self, value: list[str]) -> None:
        """Raise ValidationError for more roles than the form could have."""
        super().validate(value)
        if len(value) > _MAX_ROLES:
            raise forms.ValidationError(f"Choose {_MAX_ROLES} roles at most.")


class GroupRolesForm(forms.Form):
    """The checked roles (`roles`), and those that were assigned when the form was opened (`base`)."""

    roles = RoleIds(required=False, error_messages={"invalid_choice": "“%(value)s” isn’t a role."})
    base = RoleIds(required=False)

    def __init__(
        self, data: QueryDict, *, assignable: Collection[str], assignment: ScimGroupRoles, **options: Any
    ) -> None:
        super().__init__(data, **options)
        self._assignable, self._assignment = set(assignable), assignment

    @property
    def version(self) -> str:
        """The version that the change is based on."""
        return roles_version(self.cleaned_data["base"])

    @property
    def is_stale(self) -> bool:
        """Whether the roles have changed since the form was opened."""
        return self.version != self._assignment.version

    @property
    def added(self) -> list[str]:
        """The roles that were checked since the form was opened."""
        return sorted({*self.cleaned_data["roles"]} - {*self.cleaned_data["base"]})

    @property
    def removed(self) -> list[str]:
        """The roles that were cleared since the form was opened."""
        return sorted({*self.cleaned_data["base"]} - {*self.cleaned_data["roles"]})

    def clean(self) -> dict[str, Any]:
        """Check that something changes, and that the new roles exist."""
        data: dict[str, Any] = self.cleaned_data
        if self.errors:
            return data
        unknown = [one for one in self.added if one not in self._assignable]
        if unknown:
            self.add_error("roles", f"A group can’t grant the role “{unknown[0]}”.")
        elif not self.added and not self.removed:
            self.add_error("roles", "Nothing has changed yet. Check a role to assign it, or clear one to remove it.")
        return data
