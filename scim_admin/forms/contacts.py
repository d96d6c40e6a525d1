"""The form for the contacts of a connection."""

from typing import Self

from django import forms

from portal.directory.scim.contacts import MAX_CONTACTS, ScimContacts


class ContactsForm(forms.Form):
    """Addresses on separate lines, or with commas or semicolons between them, as address books copy them."""

    addresses = forms.CharField(
        label="Email addresses",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text=f"One per line, up to {MAX_CONTACTS}. They don't have to be members.",
    )
    version = forms.CharField(max_length=100, widget=forms.HiddenInput)

    @classmethod
    def of(cls, contacts: ScimContacts) -> Self:
        """Return the form with the stored addresses."""
        return cls(initial={"addresses": "\n".join(contacts.addresses)})

    @property
    def chosen(self) -> list[str]:
        """The addresses as typed."""
        text = str(self.cleaned_data["addresses"]).replace(",", "\n").replace(";", "\n")
        return [line.strip() for line in text.splitlines() if line.strip()]
