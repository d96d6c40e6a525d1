"""Query parameters of the setup page."""

from collections.abc import Sequence

from django import forms
from django.http import QueryDict

from scim_admin.guides import Guide


class GuideQuery(forms.Form):
    """The guide to show. The field is left out if the connection has only one guide."""

    guide = forms.ChoiceField(
        label="Your identity provider",
        error_messages={"invalid_choice": "Choose a guide from the list."},
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
        """The chosen guide, or the default one if the choice isn't valid."""
        default = next(iter(self.guides))
        return self.guides[self.cleaned_data.get("guide", default) if self.is_valid() else default]
