"""What an admin decides about deactivations on hold."""

from django import forms

from portal.directory.scim.safeguard import ScimSafeguardDecision

_DECISIONS = (ScimSafeguardDecision.KEEP, ScimSafeguardDecision.REARM)


class SafeguardForm(forms.Form):
    """Keep or clear the hold that `version` identifies."""

    decision = forms.TypedChoiceField(choices=[(one, one) for one in _DECISIONS], coerce=ScimSafeguardDecision)
    version = forms.CharField(required=False, max_length=100)


class ApproveForm(forms.Form):
    """Approve the deactivations on hold; `typed` must be the `number` that was shown."""

    version = forms.CharField(max_length=100, widget=forms.HiddenInput)
    number = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    typed = forms.CharField(
        label="Number of people",
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": "Type the number of people."},
    )

    def clean(self) -> dict[str, object]:
        """Accept the exact number, with or without thousands separators."""
        typed, number = self.cleaned_data.get("typed"), self.cleaned_data.get("number")
        if typed is not None and number is not None and typed.replace(",", "").replace(" ", "") != str(number):
            self.add_error("typed", f"Type {number:,} to approve.")
        return self.cleaned_data
