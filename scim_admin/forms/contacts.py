"""The form for the contacts of a connection."""

from django import forms

from portal.directory.scim.contacts import MAX_CONTACTS


class ContactsForm(forms.Form):
    """Addresses on separate lines, or with commas or semicolons between them, as address books copy them."""

    addresses = forms.CharField(
        label="Email addresses",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
        help_text=f"One per line, at most {MAX_CONTACTS}. Contacts don't have to be members.",
    )
    version = forms.CharField(max_length=100, widget=forms.HiddenInput)

    @property
    def chosen(self) -> list[str]:
        """The addresses as typed."""
        text = str(self.cleaned_data["addresses"]).replace(",", "\n").replace(";", "\n")
        return [line.strip() for line in text.splitlines() if line.strip()]
