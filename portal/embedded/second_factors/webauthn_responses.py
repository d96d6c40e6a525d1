"""What browsers and authenticators say about passkeys, and whether it's right (W3C Web Authentication, 7.1 and 7.2).

The library is loaded at the first use, because processes whose members have no passkeys don't need it.
"""

import json
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from portal.directory.passkeys import MAX_NAME
from portal.embedded import models
from portal.web.user_agents import known_browser

log = structlog.get_logger("gatehouse.passkeys")

TIMEOUT_MS = 300_000
_MAX_RESPONSE = 64 * 1024
_MAX_CREDENTIAL_ID = 1023
_TRANSPORTS = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})
# What keeps a passkey, by its AAGUID. Nothing depends on it but a suggested name.
_KEEPERS: Mapping[str, str] = {
    "08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
    "0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6": "Keeper",
    "50726f74-6f6e-5061-7373-50726f746f6e": "Proton Pass",
    "531126d6-e717-415c-9320-3d9aa6981239": "Dashlane",
    "53414d53-554e-4700-0000-000000000000": "Samsung Pass",
    "6028b017-b1d4-4c02-b4b3-afcdafc96bb2": "Windows Hello",
    "771b48fd-d3d4-4f74-9232-fc157ab0507a": "Edge on macOS",
    "9ddd1817-af5a-4672-a2b9-3e3dd95000a9": "Windows Hello",
    "adce0002-35bc-c60a-648b-0b25f1f05503": "Chrome on macOS",
    "b84e4048-15dc-4dd0-8640-f4f60813c8af": "NordPass",
    "bada5566-a7aa-401f-bd96-45619a55120d": "1Password",
    "d548826e-79b4-db40-a3d8-11116f7e8349": "Bitwarden",
    "dd4ec289-e01d-41c9-bb89-70fa845d4bf2": "iCloud Keychain",
    "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
    "fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "iCloud Keychain",
    "fdb141b2-5d84-443e-8a35-4698c205a502": "KeePassXC",
}


@dataclass(frozen=True, slots=True)
class Response:
    """A response of a browser, not verified yet."""

    fields: Mapping[str, Any] = field(repr=False)
    credential_id: bytes
    challenge: bytes = field(repr=False)
    # The key of the member that the passkey was created for, None if the authenticator doesn't say.
    user_handle: bytes | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """A verified new passkey."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    is_synced: bool
    transports: tuple[str, ...]
    suggested_name: str


def domain() -> str:
    """Return the host that passkeys belong to (RP ID), "" if browsers accept none: it's an IP address."""
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host
    return ""


def creation_options(
    member: models.MemberRow, challenge: bytes, others: Sequence[models.PasskeyRow]
) -> Mapping[str, Any]:
    """Return the options to create a passkey, which isn't one of the others."""
    import webauthn  # noqa: PLC0415 -- as above
    from webauthn.helpers import options_to_json_dict, structs  # noqa: PLC0415 -- as above

    selection = structs.AuthenticatorSelectionCriteria(
        resident_key=structs.ResidentKeyRequirement.PREFERRED,
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    options = webauthn.generate_registration_options(
        rp_id=domain(),
        rp_name=member.organization.name,
        user_id=member.pk.bytes,
        user_name=member.email_address,
        user_display_name=member.name or member.email_address,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        attestation=structs.AttestationConveyancePreference.NONE,
        authenticator_selection=selection,
        exclude_credentials=[_descriptor(one) for one in others],
    )
    return options_to_json_dict(options=options)


def request_options(challenge: bytes, passkeys: Sequence[models.PasskeyRow]) -> Mapping[str, Any]:
    """Return the options to confirm with one of these passkeys."""
    import webauthn  # noqa: PLC0415 -- as above
    from webauthn.helpers import options_to_json_dict, structs  # noqa: PLC0415 -- as above

    options = webauthn.generate_authentication_options(
        rp_id=domain(),
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=[_descriptor(one) for one in passkeys],
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options=options)


def read(credential: str) -> Response | None:
    """Return a browser's response, None if it isn't one, or if another site's frame asked for it."""
    if len(credential) > _MAX_RESPONSE:
        return None
    try:
        fields = json.loads(credential)
        client_data = json.loads(_decoded(fields["response"]["clientDataJSON"]))
        # The library doesn't look at it: another site could ask through a frame.
        if client_data.get("crossOrigin") not in {None, False} or client_data.get("topOrigin") is not None:
            return None
        handle = fields["response"].get("userHandle")
        return Response(
            fields,
            _decoded(fields["rawId"])[: _MAX_CREDENTIAL_ID + 1],
            _decoded(client_data["challenge"]),
            _decoded(handle) if handle else None,
        )
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError, Base64Error):
        return None


def created(response: Response, challenge: bytes) -> Created | None:
    """Return a new passkey if the response is right, else None."""
    import webauthn  # noqa: PLC0415 -- as above

    try:
        verified = webauthn.verify_registration_response(
            credential=dict(response.fields),
            expected_challenge=challenge,
            expected_rp_id=domain(),
            expected_origin=settings.PUBLIC_URL,
            require_user_verification=True,
        )
    except Exception as error:  # noqa: BLE001 -- the library raises errors of every kind for malformed responses
        log.info("passkey_rejected", reason=type(error).__name__)
        return None
    if len(verified.credential_id) > _MAX_CREDENTIAL_ID:
        return None
    named = response.fields["response"].get("transports") or []
    return Created(
        verified.credential_id,
        verified.credential_public_key,
        verified.sign_count,
        verified.credential_backed_up,
        tuple(sorted(_TRANSPORTS.intersection(one for one in named if isinstance(one, str)))),
        _KEEPERS.get(verified.aaguid, ""),
    )


def use(row: models.PasskeyRow, response: Response, challenge: bytes) -> bool:
    """Say whether a passkey's response is right, and count the use. The caller saves the row, which is locked."""
    import webauthn  # noqa: PLC0415 -- as above

    if response.user_handle not in {None, row.member_id.bytes}:
        return False
    try:
        verified = webauthn.verify_authentication_response(
            credential=dict(response.fields),
            expected_challenge=challenge,
            expected_rp_id=domain(),
            expected_origin=settings.PUBLIC_URL,
            credential_public_key=bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except Exception as error:  # noqa: BLE001 -- as above
        log.info("passkey_rejected", reason=type(error).__name__)
        return False
    row.sign_count, row.is_synced = verified.new_sign_count, verified.credential_backed_up
    return True


def suggested_name(new: Created, user_agent: str) -> str:
    """Return the name of what keeps a new passkey, or else of the browser."""
    return (new.suggested_name or known_browser(user_agent) or "Passkey")[:MAX_NAME]


def _descriptor(row: models.PasskeyRow) -> Any:
    from webauthn.helpers import structs  # noqa: PLC0415 -- as above

    known = {one.value: one for one in structs.AuthenticatorTransport}
    transports = [known[one] for one in row.transports if one in known]
    return structs.PublicKeyCredentialDescriptor(id=bytes(row.credential_id), transports=transports or None)


def _decoded(text: str) -> bytes:
    """Return the bytes of base64url without padding (RFC 4648, 5)."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
