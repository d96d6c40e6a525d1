"""The queries and forms of the conflict pages."""

from typing import Any

from django import forms
from django.http import QueryDict

from portal.directory.scim.conflicts import ScimConflictState
from portal.web.listing import ListQuery

APPROVE, DISMISS = "approve", "dismiss"


class ConflictsQuery(ListQuery):
    """A page of conflicts in a state."""

    state = forms.TypedChoiceField(
        choices=[(state, state) for state in ScimConflictState],
        coerce=ScimConflictState,
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": "Choose one of the lists above."},
    )

    def __init__(self, data: QueryDict, **options: Any) -> None:
        super().__init__(data, **options)
        self.data = {"state": ScimConflictState.WAITING.value, **self.data}


class DecideForm(forms.Form):
    """The chosen conflicts, each as `id:version`: the ticked ones, or all on the pages that were shown."""

    decision = forms.ChoiceField(choices=[(APPROVE, APPROVE), (DISMISS, DISMISS)])

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        on_pages = [one for shown in data.getlist("on_page") for one in shown.split()]
        chosen = on_pages if data.get("all_shown") else data.getlist("chosen")
        parts = (one.rpartition(":") for one in chosen)
        self.chosen: dict[str, str] = {conflict_id: version for conflict_id, _, version in parts}

    def clean(self) -> None:
        """Require at least one conflict."""
        if not self.chosen:
            raise forms.ValidationError("Choose at least one person.", code="none-chosen")

    @property
    def approves(self) -> bool:
        """Whether the decision is to link the members."""
        return bool(self.cleaned_data["decision"] == APPROVE)


class DomainForm(forms.Form):
    """An email domain whose members are always linked."""

    domain = forms.CharField(
        label="Email domain",
        max_length=253,
        error_messages={"required": "Enter a domain such as example.com."},
        help_text="The part after the @. It doesn't include subdomains such as mail.example.com.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )
