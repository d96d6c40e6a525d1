"""Deleting the connection: its name typed, and what becomes of its people."""

from typing import Any

from django import forms

from portal.directory.scim.deletion import ScimDeletion, ScimUserChoice


class DeleteForm(forms.Form):
    """`display_name` must be typed exactly; where the directory offers no choice for people, they stay."""

    people = forms.TypedChoiceField(
        choices=[(one, one) for one in ScimUserChoice],
        coerce=ScimUserChoice,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose what becomes of the people."),
    )
    display_name = forms.CharField(
        label="Name of the connection",
        strip=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type the name of the connection."},
    )
    version = forms.CharField(max_length=100, widget=forms.HiddenInput)

    def __init__(self, deletion: ScimDeletion, *args: Any, offers_choice: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deletion = deletion
        if not offers_choice:
            del self.fields["people"]

    def clean_display_name(self) -> str:
        """Take nothing but the exact name."""
        typed = str(self.cleaned_data["display_name"])
        if typed != self._deletion.display_name:
            raise forms.ValidationError("This is not the name of the connection. Capitals and spaces count.")
        return typed

    @property
    def chosen(self) -> ScimUserChoice:
        """What becomes of the people."""
        return ScimUserChoice(self.cleaned_data.get("people", ScimUserChoice.KEEP))
