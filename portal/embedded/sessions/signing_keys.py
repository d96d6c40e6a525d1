"""The keys that sign session JWTs: made at the first use, encrypted at rest, replaced by an operator, published as a JWKS.

A process that can't decrypt the key signs nothing: another key in its place would sign before the SDKs know it, and other processes
could not read that one. Only a process that signs or verifies loads this module, and with it the libraries.
"""

import hashlib
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from joserfc.jwk import RSAKey

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import Conflict, NotFound, Unavailable
from portal.directory.ids import parse_id, public_id, uuid7
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.database.encryption import SIGNING_KEY, decrypted, encrypted, is_current

log = structlog.get_logger("gatehouse.signing_keys")

ALGORITHM = "RS256"  # the one that Stytch's SDKs accept
PUBLISHED_FOR = timedelta(days=30)  # Stytch: a replaced key is served for a month
_BITS = 2048
# SDKs keep keys for up to ten minutes, and fetch those that they do not know at most twice a minute: a new key is
# published for so long before it signs.
_PUBLISHED_BEFORE = timedelta(minutes=10)
# What another process did to the keys is seen within this time.
_SECONDS_KNOWN = 60
_UNREADABLE = (
    "The key that signs session JWTs is encrypted under another SECRET_KEY. "
    "Set that value as SECRET_KEY or among SECRET_KEY_FALLBACKS."
)
_CERTIFICATE_LIFE = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs now, ready for use."""

    kid: str
    project_id: str
    key: RSAKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKeyChange:
    """A key just made, and from when it signs."""

    kid: str
    signs_from: datetime


@dataclass(frozen=True, slots=True)
class _Known:
    """What a process knows of the keys, and since when."""

    project_id: str
    # None where neither SECRET_KEY nor a fallback decrypts it.
    signing: SigningKey | None
    jwks: Sequence[Mapping[str, Any]]
    verifying: Mapping[str, RSAKey]
    read_at: float


_known: _Known | None = None


def current_key() -> SigningKey:
    """Return the key that signs; the first call of all makes it. Raise NotFound without a project, Unavailable if unreadable."""
    signing = _keys().signing
    if signing is None:
        raise Unavailable("This server can't read the key that signs session JWTs.")
    return signing


def project_id() -> str:
    """Return the project whose keys these are. Raise NotFound without one."""
    return _keys().project_id


def verifying_key(kid: str) -> RSAKey | None:
    """Return a key whose signatures are believed; None for any other."""
    known = _keys().verifying.get(kid)
    # Another process may have made it since.
    return known or next(map(_verifying, _believed().filter(pk=parse_id("jwk", kid))), None)


def jwks() -> Sequence[Mapping[str, Any]]:
    """Return what is published: the key that signs, and those that it replaced within a month. Raises NotFound."""
    return _keys().jwks


def forget() -> None:
    """Have this process read the keys anew."""
    global _known  # noqa: PLW0603 -- what a process knows is one thing
    _known = None


def rotate(origin: Origin, *, withdraw: bool = False, lost: bool = False) -> SigningKeyChange:
    """Publish a new key, which signs ten minutes later; with `withdraw` it does at once, and no other is believed any longer.

    With `lost` it signs at once too, in place of one that nothing decrypts, whose signatures stay believed. Raise NotFound without a
    project, Conflict where a new key waits to sign already, or `lost` isn't what is known of the current one.
    """
    project, now = _project(), timezone.now()
    signs_from = now if withdraw or lost else now + _PUBLISHED_BEFORE
    with transaction.atomic():
        known = models.SigningKeyRow.objects.filter(project=project)
        current = known.select_for_update().filter(replaced_at=None).first()
        _check_whether(current, is_lost=lost)
        if withdraw:
            known.delete()
        elif current is None:
            signs_from = now
        elif not lost and current.signs_from > now:
            raise Conflict(f"A new key is published already; it signs from {current.signs_from:%H:%M:%S} UTC on.")
        else:
            known.filter(pk=current.pk).update(replaced_at=signs_from)
        known.filter(replaced_at__lt=now - PUBLISHED_FOR).delete()
        row = _insert(project, Caller(Actor(ActorType.OPERATOR), origin), "signing_key.rotate", signs_from)
        if row is None:
            raise Conflict("Somebody else has made a new key just now.")
    forget()
    return SigningKeyChange(_kid(row), signs_from)


def reencrypt(origin: Origin) -> int:
    """Encrypt the private keys under SECRET_KEY, and return how many were not. Raise Conflict if one can't be decrypted."""
    changed = 0
    with transaction.atomic():
        for row in models.SigningKeyRow.objects.select_for_update().exclude(private_key=b"").order_by("pk"):
            private = decrypted(row.private_key, purpose=SIGNING_KEY)
            if private is None:
                raise Conflict(_UNREADABLE)
            if is_current(row.private_key, purpose=SIGNING_KEY):
                continue
            models.SigningKeyRow.objects.filter(pk=row.pk).update(private_key=encrypted(private, purpose=SIGNING_KEY))
            record(
                Caller(Actor(ActorType.OPERATOR), origin),
                "signing_key.reencrypt",
                organization_id=None,
                target_id=_kid(row),
            )
            changed += 1
    return changed


def _check_whether(row: models.SigningKeyRow | None, *, is_lost: bool) -> None:
    is_readable = row is None or decrypted(row.private_key, purpose=SIGNING_KEY) is not None
    if is_lost and is_readable:
        raise Conflict("The current key can be read. Replace it without --lost.")
    if not is_lost and not is_readable:
        raise Conflict(f"{_UNREADABLE} If that value is lost, replace the key with --lost.")


def _keys() -> _Known:
    global _known  # noqa: PLW0603 -- as above
    known = _known
    if known is None or known.read_at < time.monotonic() - _SECONDS_KNOWN:
        known = _known = _read()
    return known


def _read() -> _Known:
    read_at = time.monotonic()
    project = _project()
    published = list(_believed().filter(project=project).order_by("-created_at"))
    row = _signing(published)
    if row is None:
        row = _make(project)
        published = list(_believed().filter(project=project).order_by("-created_at"))
    _destroy(published)
    verifying = {_kid(row): _verifying(row) for row in published}
    return _Known(
        public_id("project", project.pk), _usable(row), [row.public_jwk for row in published], verifying, read_at
    )


def _signing(rows: Sequence[models.SigningKeyRow]) -> models.SigningKeyRow | None:
    """Return the key that signs now: the newest that may."""
    now = timezone.now()
    return next((row for row in rows if row.signs_from <= now and (not row.replaced_at or row.replaced_at > now)), None)


def _destroy(rows: Sequence[models.SigningKeyRow]) -> None:
    """Destroy the private keys that every process has ceased to sign with."""
    before = timezone.now() - timedelta(seconds=2 * _SECONDS_KNOWN)
    done = [row.pk for row in rows if row.replaced_at and row.replaced_at < before and row.private_key]
    if done:
        models.SigningKeyRow.objects.filter(pk__in=done).update(private_key=b"")


def _believed() -> QuerySet[models.SigningKeyRow]:
    lately = Q(replaced_at=None) | Q(replaced_at__gt=timezone.now() - PUBLISHED_FOR)
    return models.SigningKeyRow.objects.filter(lately)


def _verifying(row: models.SigningKeyRow) -> RSAKey:
    # Without what is published beside it, which would be checked at each use.
    return RSAKey.import_key({name: row.public_jwk[name] for name in ("kty", "n", "e")})


def _project() -> models.ProjectRow:
    project = models.ProjectRow.objects.order_by("created_at", "pk").first()
    if project is None:
        raise NotFound("There is no project; `manage.py createproject` makes it.", error_type="project_not_found")
    return project


def _usable(row: models.SigningKeyRow) -> SigningKey | None:
    """Return the key of a row; None where neither SECRET_KEY nor a fallback decrypts it."""
    private = decrypted(row.private_key, purpose=SIGNING_KEY)
    if private is None:
        log.error("signing_key_unreadable", kid=_kid(row), reason=_UNREADABLE)
        return None
    # It was checked when it was made, and nobody else could have encrypted it: to check it again takes long.
    key = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    return SigningKey(
        _kid(row), public_id("project", row.project_id), RSAKey.import_key(cast("rsa.RSAPrivateKey", key))
    )


def _make(project: models.ProjectRow) -> models.SigningKeyRow:
    """Make the project's first key, unless another process does so at the same moment: then it is theirs."""
    caller = Caller(Actor(ActorType.OPERATOR, name="first use"), Origin())
    with transaction.atomic():
        row = _insert(project, caller, "signing_key.create", timezone.now())
    return row or models.SigningKeyRow.objects.get(project=project, replaced_at=None)


def _insert(
    project: models.ProjectRow, caller: Caller, action: str, signs_from: datetime
) -> models.SigningKeyRow | None:
    """Store a new key and return it; None where there is a current one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    row = models.SigningKeyRow(pk=uuid7(), project=project, signs_from=signs_from)
    row.public_jwk = _public_jwk(key, row.pk)
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    row.private_key = encrypted(private, purpose=SIGNING_KEY)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return None
    record(caller, action, organization_id=None, target_id=_kid(row))
    return row


def _public_jwk(key: rsa.RSAPrivateKey, identity: UUID) -> dict[str, Any]:
    """Return the key as Stytch publishes one: with a certificate, for clients that want one."""
    certificate = _certificate(key, public_id("jwk", identity)).public_bytes(Encoding.DER)
    numbers = RSAKey.import_key(key.public_key()).as_dict(private=False)
    thumbprint = hashlib.sha256(certificate).digest()
    return {
        "kty": "RSA",
        "use": "sig",
        "key_ops": ["verify"],
        "alg": ALGORITHM,
        "kid": public_id("jwk", identity),
        "x5c": [b64encode(certificate).decode()],
        "x5tS256": b64encode(thumbprint, altchars=b"-_").rstrip(b"=").decode(),
        "n": numbers["n"],
        "e": numbers["e"],
    }


def _certificate(key: rsa.RSAPrivateKey, kid: str) -> x509.Certificate:
    """Return the key's own certificate; it vouches for nothing, some clients read keys in no other form."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, kid)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(now).not_valid_after(now + _CERTIFICATE_LIFE).sign(key, SHA256())


def _kid(row: models.SigningKeyRow) -> str:
    return public_id("jwk", row.pk)
