"""The forms of the connection and its tokens."""

from django import forms

from portal.directory.scim.connection import ScimIdentityProvider

_MAX_NAME_LENGTH = 256


class ConnectionForm(forms.Form):
    """A new connection."""

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


class EditConnectionForm(ConnectionForm):
    """The existing connection; `version` is the one that was shown (ScimConnection.version)."""

    version = forms.CharField(max_length=100, widget=forms.HiddenInput)


class TokensVersionForm(forms.Form):
    """The tokens; `version` is the one that was shown (ScimTokens.version)."""

    version = forms.CharField(max_length=100, widget=forms.HiddenInput)
