"""The forms to invite people, and the query of a list's lines."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from portal.directory.bulk_invitations import MAX_LINES, DraftLine, LineState
from portal.directory.locales import LANGUAGE_NAMES, Locale
from portal.directory.policy import Role, role_name
from portal.pages.members.invitation_lists import (
    MAX_FILE_BYTES,
    Defaults,
    UnreadableListError,
    read_file,
    read_text,
)
from portal.web.listing import ListQuery

_MAX_TEXT = 2_000_000
_MAX_ADDRESS, _MAX_NAME = 254, 256


class _RolesAndLanguage(forms.Form):
    roles = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    locale = forms.ChoiceField(label="Language of the email", required=False)

    field_order = ("email_address", "name", "people", "file", "roles", "locale")

    def __init__(self, *arguments: Any, roles: Sequence[Role], locales: Iterable[Locale], **options: Any) -> None:
        super().__init__(*arguments, **options)
        languages = [(one, name) for one, name in LANGUAGE_NAMES.items() if one in set(locales)]
        self.fields["locale"].choices = [("", "Same as the organization"), *languages]  # type: ignore[attr-defined]  # -- a ChoiceField
        self.fields["roles"].choices = [(one.role_id, role_name(one.role_id)) for one in roles]  # type: ignore[attr-defined]  # -- a ChoiceField
        self._roles = roles

    @property
    def role_choices(self) -> list[tuple[Role, bool]]:
        """The roles, and whether each is chosen."""
        chosen = set(self["roles"].value() or ())
        return [(one, one.role_id in chosen) for one in self._roles]


class InviteOneForm(_RolesAndLanguage):
    """One person, for directories that invite nobody else with them."""

    email_address = forms.EmailField(label="Email address", max_length=_MAX_ADDRESS)
    name = forms.CharField(label="Name", required=False, max_length=_MAX_NAME)

    @property
    def lines(self) -> list[DraftLine]:
        """The person."""
        given = self.cleaned_data
        return [DraftLine(1, given["email_address"], given["name"], tuple(given["roles"]), given["locale"])]


class InviteForm(_RolesAndLanguage):
    """People to invite, as lines or as a file."""

    # A file can be in place of the addresses.
    use_required_attribute = False

    people = forms.CharField(
        label="Email addresses",
        max_length=_MAX_TEXT,
        error_messages={"required": "Enter an address or choose a file."},
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off", "spellcheck": "false"}),
        help_text=f"One per line, up to {MAX_LINES:,}. You can add a name: Kim Vega <kim@contoso.example>.",
    )
    file = forms.FileField(
        label="Or a CSV file",
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv"}),
        help_text="Columns: email, name, roles, locale. Rows without roles or a language get those below.",
    )

    def __init__(self, *arguments: Any, role_ids: Sequence[str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["people"].required = "file" not in self.files
        self._role_ids = role_ids
        self.lines: list[DraftLine] = []

    def clean_file(self) -> bytes | None:
        """Return the content of the file. Reject a large one without reading it."""
        file = self.cleaned_data["file"]
        if file is None:
            return None
        if file.size is None or file.size > MAX_FILE_BYTES:
            raise forms.ValidationError(f"The file is larger than {MAX_FILE_BYTES // 1_048_576} MB.")
        content: bytes = file.read()
        return content

    def clean(self) -> dict[str, Any]:
        """Read the people. What is wrong with one of them is a problem of their line."""
        given: dict[str, Any] = super().clean() or {}
        if self.errors:
            return given
        defaults = Defaults(tuple(given["roles"]), given["locale"], self._role_ids)
        text, content = given["people"], given["file"]
        if text and content:
            self.add_error("people", "Enter addresses or choose a file, not both.")
            return given
        try:
            self.lines = read_file(content, defaults) if content else read_text(text, defaults)
        except UnreadableListError as error:
            self.add_error("file" if content else "people", str(error))
        return given


# In the order of the review; the words of each state.
STATE_NAMES: dict[LineState, str] = {
    LineState.READY: "Ready",
    LineState.SENT: "Invited",
    LineState.MEMBER: "Already a member",
    LineState.INVITED: "Already invited",
    LineState.DEACTIVATED: "Deactivated",
    LineState.DUPLICATE: "Duplicate",
    LineState.NOT_ALLOWED: "Not allowed",
    LineState.ROLE: "Role not allowed",
    LineState.INVALID: "Invalid",
    LineState.FAILED: "Failed",
    LineState.CANCELED: "Canceled",
}


class LineQuery(ListQuery):
    """Filter and page of the lines of a list."""

    state = forms.ChoiceField(label="Result", required=False, choices=[("", "Any result"), *STATE_NAMES.items()])

    def __init__(self, data: QueryDict, *, states: Iterable[LineState], **options: Any) -> None:
        super().__init__(data, **options)
        found = set(states)
        kept = [(state, name) for state, name in STATE_NAMES.items() if state in found]
        self.fields["state"].choices = [("", "Any result"), *kept]  # type: ignore[attr-defined]  # -- a ChoiceField

    @property
    def wanted(self) -> LineState | None:
        """The state, None for any."""
        return LineState(self.cleaned_data["state"]) if self.cleaned_data["state"] else None
