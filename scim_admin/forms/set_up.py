"""Which guide the set-up page shows."""

from collections.abc import Sequence

from django import forms
from django.http import QueryDict

from scim_admin.guides import Guide


class GuideQuery(forms.Form):
    """What an address says about the guide that it wants; without a choice, where there is but one."""

    guide = forms.ChoiceField(
        label="Your identity provider",
        error_messages={"invalid_choice": "There is no such guide; choose one of these."},
    )

    def __init__(self, data: QueryDict, guides: Sequence[Guide]) -> None:
        super().__init__({"guide": guides[0].key, **data.dict()})
        self.guides = {guide.key: guide for guide in guides}
        self.has_choice = len(guides) > 1
        if self.has_choice:
            self.fields["guide"].choices = [(guide.key, guide.name) for guide in guides]  # type: ignore[attr-defined]
        else:
            del self.fields["guide"]

    @property
    def chosen(self) -> Guide:
        """The guide that was chosen; the usual one where the choice is not valid."""
        usual = next(iter(self.guides))
        return self.guides[self.cleaned_data.get("guide", usual) if self.is_valid() else usual]
