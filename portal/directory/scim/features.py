"""What only some directories can do with SCIM data."""

from enum import StrEnum


class ScimFeature(StrEnum):
    """What only some directories can do with SCIM data."""

    # Lets people of a deleted connection be deactivated or kept, and says beforehand how many there are.
    PEOPLE_CHOICE = "people-choice"
    # Keeps a deleted connection for a while, and can restore it.
    RESTORE = "restore"
    # Keeps the list of members whom provisioning would take over.
    CONFLICTS = "conflicts"
    # Tells when a token was made, and when, from where and by which client it was last used.
    TOKEN_USE = "token-use"  # noqa: S105 -- a word
