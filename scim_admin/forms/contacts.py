"""Whom to tell by e-mail."""

from django import forms

from portal.directory.scim.contacts import MOST_CONTACTS


class ContactsForm(forms.Form):
    """One address a line; commas and semicolons do as well, as address books copy them so."""

    addresses = forms.CharField(
        label="E-mail addresses",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
        help_text=f"One a line, {MOST_CONTACTS} at most. They need not be members.",
    )
    version = forms.CharField(max_length=100, widget=forms.HiddenInput)

    @property
    def chosen(self) -> list[str]:
        """The addresses, as they were typed."""
        text = str(self.cleaned_data["addresses"]).replace(",", "\n").replace(";", "\n")
        return [line.strip() for line in text.splitlines() if line.strip()]
