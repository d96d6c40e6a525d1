"""The forms of second factors."""

from django import forms


class AppCodeForm(forms.Form):
    """A code of an authenticator app. Spaces in it don't matter, so it has no maximum of six characters."""

    code = forms.CharField(
        label="Code from your app",
        max_length=100,
        widget=forms.TextInput(
            attrs={
                "class": "code-input",
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


class FirstCodeForm(AppCodeForm):
    """The first code of an app that is being set up. The QR code comes before it, so it doesn't take the focus."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # -- as the form's own
        code = self.fields["code"]
        code.label = "Code that the app shows"
        code.help_text = "The factor is added only when this code is correct."
        del code.widget.attrs["autofocus"]


class RecoveryCodeForm(forms.Form):
    """A recovery code. Case, spaces and hyphens don't matter."""

    code = forms.CharField(
        label="Recovery code",
        max_length=100,
        help_text="Each code works once.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
    )
