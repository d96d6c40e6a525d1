"""The forms of the connection and its tokens."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from django import forms

from portal.directory.scim.connection import ScimConnection, ScimIdentityProvider

_MAX_NAME_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Product:
    """An identity provider to choose. Some have a guide but no name of their own in Stytch's API."""

    value: str
    name: str
    note: str = ""
    identity_provider: ScimIdentityProvider = ScimIdentityProvider.GENERIC
    guide: str = ""

    @property
    def initial(self) -> str:
        """The letter on its card; "" for any other product."""
        return "" if self.value == ScimIdentityProvider.GENERIC else self.name[0]


def _product(identity_provider: ScimIdentityProvider, note: str = "") -> Product:
    return Product(identity_provider.value, identity_provider.label, note, identity_provider)


PRODUCTS = (
    _product(ScimIdentityProvider.OKTA),
    _product(ScimIdentityProvider.MICROSOFT_ENTRA, "Formerly Azure AD"),
    Product("google-workspace", "Google Workspace", "People only", guide="google-workspace"),
    _product(ScimIdentityProvider.JUMPCLOUD),
    _product(ScimIdentityProvider.ONELOGIN),
    _product(ScimIdentityProvider.PINGFEDERATE),
    _product(ScimIdentityProvider.CYBERARK),
    _product(ScimIdentityProvider.RIPPLING),
    Product(ScimIdentityProvider.GENERIC.value, "Another provider", "Any SCIM 2.0 client"),
)


class ConnectionForm(forms.Form):
    """A new connection."""

    identity_provider = forms.ChoiceField(
        label="Identity provider",
        choices=[(product.value, product.name) for product in PRODUCTS],
        error_messages={
            "required": "Choose your identity provider. For one that isn't listed, choose “Another provider”."
        },
    )
    display_name = forms.CharField(
        label="Name",
        max_length=_MAX_NAME_LENGTH,
        widget=forms.TextInput(attrs={"placeholder": "Okta production"}),
        help_text="How the connection is shown here. You can change it later.",
    )

    @property
    def cards(self) -> Iterator[tuple[Product, bool]]:
        """Each product, and whether it is chosen."""
        chosen = self["identity_provider"].value()
        return ((product, product.value == chosen) for product in PRODUCTS)

    @property
    def product(self) -> Product:
        """The chosen product of a valid form."""
        return next(one for one in PRODUCTS if one.value == self.cleaned_data["identity_provider"])


class EditConnectionForm(forms.Form):
    """The existing connection; `version` is the one that was shown (ScimConnection.version)."""

    identity_provider = forms.TypedChoiceField(
        label="Identity provider",
        choices=[("", "Choose…"), *((one.value, one.label) for one in ScimIdentityProvider)],
        coerce=ScimIdentityProvider,
        error_messages={
            "required": "Choose your identity provider. For one that isn't listed, choose Generic SCIM 2.0."
        },
        help_text="For Google Workspace and others that aren't listed, choose Generic SCIM 2.0.",
    )
    display_name = forms.CharField(
        label="Name",
        max_length=_MAX_NAME_LENGTH,
        help_text="The name of the connection in this portal, such as “Okta production”.",
    )
    version = forms.CharField(max_length=100, widget=forms.HiddenInput)

    @classmethod
    def of(cls, connection: ScimConnection) -> Self:
        """Return the form with what is stored."""
        return cls(initial={"display_name": connection.display_name, "identity_provider": connection.identity_provider})


class TokensVersionForm(forms.Form):
    """The tokens; `version` is the one that was shown (ScimTokens.version)."""

    version = forms.CharField(max_length=100, widget=forms.HiddenInput)
