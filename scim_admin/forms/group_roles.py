"""Which roles a group shall give, and which it gave when the form was opened."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.http import QueryDict

from portal.directory.scim.group_roles import ScimGroupRoles, roles_version

_LONGEST_ID = 128
_MOST_ROLES = 1000


class RoleIds(forms.MultipleChoiceField):
    """The ids of roles; which of them there are, the directory knows."""

    def valid_value(self, value: str) -> bool:
        """Say whether it can be an id at all."""
        return 0 < len(value) <= _LONGEST_ID and "\0" not in value

    def validate(self, value: list[str]) -> None:
        """Refuse more than anybody can have ticked."""
        super().validate(value)
        if len(value) > _MOST_ROLES:
            raise forms.ValidationError("Too many roles at once.")


class GroupRolesForm(forms.Form):
    """The roles that are ticked (`roles`), and those that were when the form was opened (`base`)."""

    roles = RoleIds(required=False, error_messages={"invalid_choice": "“%(value)s” cannot be a role."})
    base = RoleIds(required=False)

    def __init__(self, data: QueryDict, *, assignable: Collection[str], held: ScimGroupRoles, **options: Any) -> None:
        super().__init__(data, **options)
        self._assignable, self._held = set(assignable), held

    @property
    def version(self) -> str:
        """What the directory compares with what there is now."""
        return roles_version(self.cleaned_data["base"])

    @property
    def is_stale(self) -> bool:
        """Whether the roles are others by now than when the form was opened."""
        return self.version != self._held.version

    @property
    def added(self) -> list[str]:
        """The roles that were ticked since the form was opened."""
        return sorted({*self.cleaned_data["roles"]} - {*self.cleaned_data["base"]})

    @property
    def removed(self) -> list[str]:
        """The roles that were cleared since the form was opened."""
        return sorted({*self.cleaned_data["base"]} - {*self.cleaned_data["roles"]})

    def clean(self) -> dict[str, Any]:
        """Refuse a change that is none, and a role that there is not."""
        data: dict[str, Any] = self.cleaned_data
        if self.errors:
            return data
        unknown = [one for one in self.added if one not in self._assignable]
        if unknown:
            self.add_error("roles", f"There is no role “{unknown[0]}” that a group can give.")
        elif not self.added and not self.removed:
            self.add_error("roles", "Nothing is different yet: tick a role to give it, or clear one to take it away.")
        return data
