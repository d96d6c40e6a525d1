"""The forms of domains."""

from django import forms


class DomainForm(forms.Form):
    """A domain."""

    domain = forms.CharField(
        label="Domain",
        max_length=253,
        help_text="The part of email addresses after the @, such as example.com. Add each subdomain that you use.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )


class AddressForm(forms.Form):
    """An address in a domain."""

    email_address = forms.EmailField(
        label="Email address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def __init__(self, data: object = None, *, domain: str) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # -- passed on as it is
        self.fields["email_address"].help_text = f"An address at {domain} whose mail you can read."
