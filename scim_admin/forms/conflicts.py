"""What the pages of the conflict list are asked, and told."""

from typing import Any

from django import forms
from django.http import QueryDict

from portal.directory.scim.conflicts import ScimConflictState
from portal.web.listing import ListQuery

APPROVE, DISMISS = "approve", "dismiss"


class ConflictsQuery(ListQuery):
    """Which page of conflicts, and in which state."""

    state = forms.TypedChoiceField(
        choices=[(state, state) for state in ScimConflictState],
        coerce=ScimConflictState,
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": "Use waiting, approved or dismissed."},
    )

    def __init__(self, data: QueryDict, **options: Any) -> None:
        super().__init__(data, **options)
        self.data = {"state": ScimConflictState.WAITING.value, **self.data}


class DecideForm(forms.Form):
    """Who was chosen, each as `id:version`: by ticking, or all of the pages that were shown."""

    decision = forms.ChoiceField(choices=[(APPROVE, APPROVE), (DISMISS, DISMISS)])

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        everybody = [one for shown in data.getlist("on_page") for one in shown.split()]
        chosen = everybody if data.get("everybody") else data.getlist("chosen")
        parts = (one.rpartition(":") for one in chosen)
        self.chosen: dict[str, str] = {conflict_id: version for conflict_id, _, version in parts}

    def clean(self) -> None:
        """Want somebody to be chosen."""
        if not self.chosen:
            raise forms.ValidationError("Choose at least one person first.", code="nobody")

    @property
    def approves(self) -> bool:
        """Whether they are to be linked."""
        return bool(self.cleaned_data["decision"] == APPROVE)


class DomainForm(forms.Form):
    """An e-mail domain whose members are always linked."""

    domain = forms.CharField(
        label="E-mail domain",
        max_length=253,
        error_messages={"required": "Enter a domain such as example.com."},
        help_text="What stands behind the @, without the domains below it: example.com is not mail.example.com.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )
