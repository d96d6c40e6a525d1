"""The form for the roles of groups."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any

from django import forms
from django.http import QueryDict

from portal.directory.policy import role_name
from portal.directory.scim.group_roles import ScimGroupRoles, ScimGroupRolesChange, roles_version

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
            raise forms.ValidationError(f"Choose up to {_MAX_ROLES} roles.")


class Mode(StrEnum):
    """What happens to the roles that the groups have."""

    ADD = "add"
    REPLACE = "replace"


class GroupRolesForm(forms.Form):
    """The chosen roles for one or several groups.

    For one group, the roles are those it will have, and `base` those it had when the form was opened.
    """

    mode = forms.ChoiceField(
        choices=[(Mode.ADD, "Add to the roles they have"), (Mode.REPLACE, "Replace the roles they have")]
    )
    roles = RoleIds(
        required=False, error_messages={"invalid_choice": "The role “%(value)s” no longer exists. Choose another one."}
    )
    base = RoleIds(required=False)

    def __init__(
        self, data: QueryDict, *, assignable: Collection[str], assignments: Sequence[ScimGroupRoles], **options: Any
    ) -> None:
        super().__init__(data, **options)
        # As it was sent, for the page that shows it again.
        self.sent = data
        self._assignable, self._assignments = set(assignable), assignments
        self._versions = dict(one.split(":", 1) for one in data.getlist("version") if ":" in one)

    @property
    def is_single(self) -> bool:
        """Whether it's about one group, whose roles are edited as a set."""
        return len(self._assignments) == 1

    @property
    def is_stale(self) -> bool:
        """Whether the roles of the one group have changed since the form was opened."""
        return self.is_single and roles_version(self.cleaned_data["base"]) != self._assignments[0].version

    @property
    def changes(self) -> tuple[ScimGroupRolesChange, ...]:
        """The change of each group whose roles change, with the version that was reviewed."""
        changes = (self._change(one) for one in self._assignments)
        return tuple(change for change in changes if change.add or change.remove)

    @property
    def after(self) -> Mapping[str, tuple[str, ...]]:
        """The roles that each group will have, by its ID."""
        changes = {change.group_id: change for change in self.changes}
        return {one.group.group_id: _after(one, changes.get(one.group.group_id)) for one in self._assignments}

    def clean(self) -> dict[str, Any]:
        """Check that something changes, and that the new roles exist."""
        data: dict[str, Any] = self.cleaned_data
        if self.errors:
            return data
        added = {role_id for change in self.changes for role_id in change.add}
        if unknown := sorted(added - self._assignable):
            self.add_error("roles", f"A group can’t grant the role “{role_name(unknown[0])}”.")
        elif not self.changes:
            self.add_error("roles", self._nothing_changes)
        return data

    @property
    def _nothing_changes(self) -> str:
        if self.is_single:
            return "Nothing has changed yet. Select a role to assign it, or clear one to remove it."
        return "Nothing would change. Choose a role that at least one of these groups doesn’t have."

    def _change(self, assignment: ScimGroupRoles) -> ScimGroupRolesChange:
        group_id, chosen = assignment.group.group_id, {*self.cleaned_data["roles"]}
        if self.is_single:
            before, version = {*self.cleaned_data["base"]}, roles_version(self.cleaned_data["base"])
        else:
            before, version = {*assignment.role_ids}, self._versions.get(group_id, "")
        removed = before - chosen if self.is_single or self.cleaned_data["mode"] == Mode.REPLACE else set()
        return ScimGroupRolesChange(group_id, tuple(sorted(chosen - before)), tuple(sorted(removed)), version)


def _after(assignment: ScimGroupRoles, change: ScimGroupRolesChange | None) -> tuple[str, ...]:
    if change is None:
        return assignment.role_ids
    return tuple(sorted({*assignment.role_ids, *change.add} - {*change.remove}))
