"""Restoring a connection: what becomes of those whom its deletion deactivated."""

from django import forms


class RestoreForm(forms.Form):
    """Whether those come back whom the deletion deactivated."""

    reactivate = forms.BooleanField(required=False, label="Make them active again")
