"""What an admin decides of the brake."""

from django import forms

from portal.directory.scim_brake import ScimBrakeDecision


class BrakeForm(forms.Form):
    """A decision, and which state it is about."""

    decision = forms.TypedChoiceField(
        choices=[(decision, decision) for decision in ScimBrakeDecision], coerce=ScimBrakeDecision
    )
    version = forms.CharField(required=False, max_length=100)
