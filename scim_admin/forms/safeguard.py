"""What an admin decides about deactivations on hold, and the limits beyond which they are."""

from django import forms
from django.http import QueryDict

from portal.directory.scim.safeguard import ScimSafeguardDecision, ScimSafeguardLimit, ScimSafeguardLimits
from portal.web.rights import Right

_STEP = 5  # percent, between the shares that are offered


class SafeguardForm(forms.Form):
    """What to do about the hold that `version` identifies. An approval is confirmed on a page of its own."""

    decision = forms.TypedChoiceField(
        choices=[(one, one) for one in ScimSafeguardDecision], coerce=ScimSafeguardDecision
    )
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


class SafeguardLimitsForm(forms.Form):
    """The limits of the safeguard; `version` is the one that was shown (ScimSafeguardLimits.version)."""

    share = forms.TypedChoiceField(label="Share of people within an hour", coerce=int)
    minimum = forms.IntegerField(label="Never hold fewer than", widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    version = forms.CharField(max_length=100, widget=forms.HiddenInput)

    def __init__(
        self, limits: ScimSafeguardLimits, data: QueryDict | None = None, *, kept: QueryDict | None = None
    ) -> None:
        self._limits = limits
        stored = {"share": limits.share.value, "minimum": limits.minimum.value}
        typed = {name: kept[name] for name in stored if kept and kept.get(name, "").isdecimal()}
        super().__init__(data, initial={**stored, **typed})
        # Whether it shows what was typed before the password was asked for.
        self.is_kept = bool(typed)
        self._prepare("share", limits.share, unit="%")
        self._prepare("minimum", limits.minimum)
        choice = self.fields["share"]
        if isinstance(choice, forms.ChoiceField):
            choice.choices = [(one, f"{one}%") for one in _shares(limits.share)]

    def _prepare(self, name: str, limit: ScimSafeguardLimit, unit: str = "") -> None:
        field = self.fields[name]
        field.disabled = limit.is_fixed
        if limit.is_clamped:
            field.help_text = (
                f"You chose {limit.chosen:,}{unit}. This server now allows {limit.lowest:,} to {limit.highest:,}{unit}, "
                f"so {limit.value:,}{unit} applies."
            )
        elif not limit.is_fixed:
            field.help_text = f"From {limit.lowest:,} to {limit.highest:,}{unit}."

    @property
    def is_fixed(self) -> bool:
        """Whether nothing can be chosen."""
        return self._limits.share.is_fixed and self._limits.minimum.is_fixed

    @property
    def fixed(self) -> Right:
        """Why a limit can't be chosen, for ui/read_only.html."""
        fixed = [f"{limit.value:,}{unit}" for limit, unit in self._named if limit.is_fixed]
        if not fixed:
            return Right(is_granted=True)
        return Right(is_granted=False, reason=f"The operator of this server sets {' and '.join(fixed)} for everyone.")

    @property
    def _named(self) -> tuple[tuple[ScimSafeguardLimit, str], ...]:
        return (self._limits.share, "%"), (self._limits.minimum, " people")


def _shares(limit: ScimSafeguardLimit) -> list[int]:
    """Return the shares to choose from: the bounds, the multiples of five between them, and the one in force."""
    round_ones = range(limit.lowest + -limit.lowest % _STEP, limit.highest + 1, _STEP)
    return sorted({limit.lowest, *round_ones, limit.highest, limit.value})
