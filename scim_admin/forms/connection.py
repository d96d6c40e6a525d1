"""What the connection is called, and which identity provider it is for."""

from django import forms

from portal.directory.scim.connection import ScimIdentityProvider

_LONGEST_NAME = 256


class ConnectionForm(forms.Form):
    """A new connection."""

    identity_provider = forms.TypedChoiceField(
        label="Identity provider",
        choices=[("", "Choose…"), *((one.value, one.label) for one in ScimIdentityProvider)],
        coerce=ScimIdentityProvider,
        error_messages={
            "required": "Choose the identity provider that you use; Generic SCIM 2.0 stands for all others."
        },
        help_text="Google Workspace and others that are not in the list: Generic SCIM 2.0.",
    )
    display_name = forms.CharField(
        label="Name",
        max_length=_LONGEST_NAME,
        help_text="What this portal calls the connection, such as “Okta production”.",
    )


class EditConnectionForm(ConnectionForm):
    """The connection that there is, as it was seen (ScimConnection.version)."""

    version = forms.CharField(max_length=100, widget=forms.HiddenInput)


class TokensVersionForm(forms.Form):
    """The tokens as they were seen (ScimTokens.version)."""

    version = forms.CharField(max_length=100, widget=forms.HiddenInput)
