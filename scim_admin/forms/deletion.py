"""Deleting the connection: its name, typed again, and what happens to its people."""

from typing import Any

from django import forms
from django.utils.html import format_html

from portal.directory.scim.deletion import ScimDeletion

KEEP, DEACTIVATE = "keep", "deactivate"


class DeleteForm(forms.Form):
    """`display_name` must be typed exactly. If the directory can't deactivate people, they stay members."""

    people = forms.ChoiceField(
        choices=[(KEEP, KEEP), (DEACTIVATE, DEACTIVATE)],
        # The choice that takes no access away.
        initial=KEEP,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose what happens to people."),
    )
    display_name = forms.CharField(
        help_text="The name is case-sensitive.",
        strip=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type the name of the connection."},
    )
    version = forms.CharField(max_length=100, widget=forms.HiddenInput)

    def __init__(self, deletion: ScimDeletion, *args: Any, can_deactivate: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deletion = deletion
        self.fields["display_name"].label = format_html("Type <b>{}</b> to confirm", deletion.display_name)
        if not can_deactivate:
            del self.fields["people"]

    def clean_display_name(self) -> str:
        """Accept only the exact name."""
        typed = str(self.cleaned_data["display_name"])
        if typed != self._deletion.display_name:
            raise forms.ValidationError("This isn't the name of the connection. It's case-sensitive.")
        return typed

    @property
    def deactivates(self) -> bool:
        """Whether people are deactivated."""
        return self.cleaned_data.get("people") == DEACTIVATE
