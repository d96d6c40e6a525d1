"""Restoring a connection: what happens to people that its deletion deactivated."""

from django import forms


class RestoreForm(forms.Form):
    """Whether people that the deletion deactivated are reactivated."""

    reactivate = forms.BooleanField(required=False, label="Make them active again")
