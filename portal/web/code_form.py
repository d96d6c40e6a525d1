"""The form for a code that was sent by email."""

from typing import TypeVar

from django import forms


class CodeForm(forms.Form):
    """A code by email. Spaces and hyphens in it don't matter, so it has no maximum of six characters."""

    code = forms.CharField(
        label="Code",
        max_length=100,
        help_text="Use the newest email. A new code replaces the one before.",
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


Kind = TypeVar("Kind", bound=forms.Form)


def rejected(detail: str, code: str, kind: type[Kind]) -> Kind:
    """Return a form with an error that isn't about a field."""
    form = kind({})
    form.full_clean()
    form.errors.clear()
    form.add_error(None, forms.ValidationError(detail, code=code))
    return form
