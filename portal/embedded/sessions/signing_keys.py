"""The keys that sign session JWTs: created at the first use, encrypted at rest, rotated by an operator, published as a JWKS.

A process that can't decrypt the key doesn't sign. If it created another key, SDKs wouldn't know it yet, and other processes
couldn't decrypt it. Only processes that sign or verify import this module, because of its libraries.
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
# A new key is published for this long before it signs: SDKs cache keys for up to ten minutes.
_PUBLISHED_BEFORE = timedelta(minutes=10)
# A process caches the keys for this long, so it sees a rotation by another process within this time.
_CACHE_SECONDS = 60
_IN_CACHES = timedelta(seconds=2 * _CACHE_SECONDS)
_UNREADABLE = (
    "The key that signs session JWTs is encrypted under a key that isn't set here. "
    "Add that key to ENCRYPTION_KEY_FALLBACKS."
)
_CERTIFICATE_LIFETIME = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs now."""

    kid: str
    project_id: str
    key: RSAKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKeyChange:
    """A new key, and from when it signs."""

    kid: str
    signs_from: datetime


@dataclass(frozen=True, slots=True)
class _CachedKeys:
    """The keys, as a process read them at `read_at`."""

    project_id: str
    # None if no key of this process decrypts it.
    signing: SigningKey | None
    jwks: Sequence[Mapping[str, Any]]
    verifying: Mapping[str, RSAKey]
    read_at: float


_cached: _CachedKeys | None = None


def current_key() -> SigningKey:
    """Return the key that signs, and create it at the first use. Raise NotFound without a project, Unavailable if unreadable."""
    signing = _keys().signing
    if signing is None:
        raise Unavailable("This server cannot read the key that signs session JWTs.")
    return signing


def project_id() -> str:
    """Return the ID of the project. Raise NotFound without one."""
    return _keys().project_id


def verifying_key(kid: str) -> RSAKey | None:
    """Return a trusted key, None for an unknown or withdrawn one."""
    cached = _keys().verifying.get(kid)
    # Another process may have created it since.
    return cached or next(map(_verifying, _trusted().filter(pk=parse_id("jwk", kid))), None)


def jwks() -> Sequence[Mapping[str, Any]]:
    """Return the published keys: the key that signs, the next one, and those replaced within a month. Raise NotFound."""
    return _keys().jwks


def forget() -> None:
    """Clear this process' cache of the keys."""
    global _cached  # noqa: PLW0603 -- one cache per process
    _cached = None


def rotate(origin: Origin, *, withdraw: bool = False, lost: bool = False) -> SigningKeyChange:
    """Publish a new key, which signs ten minutes later.

    With `withdraw` it signs immediately, and older keys are no longer trusted. With `lost` it signs immediately in place of
    a key that nothing decrypts, whose signatures stay valid. Raise NotFound without a project, Conflict if a new key is
    published already, or if `lost` doesn't match the current key.
    """
    project, now = _project(), timezone.now()
    signs_from = now if withdraw or lost else now + _PUBLISHED_BEFORE
    with transaction.atomic():
        keys = models.SigningKeyRow.objects.filter(project=project)
        current = keys.select_for_update().filter(replaced_at=None).first()
        _check_lost(current, is_lost=lost)
        if withdraw:
            keys.delete()
        elif current is None:
            signs_from = now
        elif not lost and current.signs_from > now:
            raise Conflict(f"A new key is already published. It signs from {current.signs_from:%H:%M:%S} UTC.")
        else:
            keys.filter(pk=current.pk).update(replaced_at=signs_from)
        keys.filter(replaced_at__lt=now - PUBLISHED_FOR).delete()
        row = _insert(project, Caller(Actor(ActorType.OPERATOR), origin), "signing_key.rotate", signs_from)
        if row is None:
            raise Conflict("Someone else created a new key in the meantime.")
    forget()
    return SigningKeyChange(_kid(row), signs_from)


def reencrypt(origin: Origin) -> int:
    """Encrypt the private keys under the current key, and return how many weren't. Raise Conflict if one can't be decrypted.

    Each is a transaction of its own, so a run that is interrupted is continued by the next one.
    """
    keys = models.SigningKeyRow.objects.exclude(private_key=b"").order_by("pk").values_list("pk", flat=True)
    return sum(_reencrypt(key, origin) for key in list(keys))


@transaction.atomic
def _reencrypt(key: UUID, origin: Origin) -> bool:
    # It may have been deleted or rotated since.
    row = models.SigningKeyRow.objects.select_for_update().filter(pk=key).exclude(private_key=b"").first()
    if row is None or is_current(row.private_key, purpose=SIGNING_KEY):
        return False
    private = decrypted(row.private_key, purpose=SIGNING_KEY)
    if private is None:
        raise Conflict(_UNREADABLE)
    models.SigningKeyRow.objects.filter(pk=key).update(private_key=encrypted(private, purpose=SIGNING_KEY))
    caller = Caller(Actor(ActorType.OPERATOR), origin)
    record(caller, "signing_key.reencrypt", organization_id=None, target_id=_kid(row))
    return True


def prune() -> int:
    """Delete keys that are no longer published, and private keys that no process uses. Return how many keys changed."""
    now = timezone.now()
    deleted = models.SigningKeyRow.objects.filter(replaced_at__lt=now - PUBLISHED_FOR).delete()[0]
    unused = models.SigningKeyRow.objects.filter(replaced_at__lt=now - _IN_CACHES).exclude(private_key=b"")
    return deleted + unused.update(private_key=b"")


def _check_lost(row: models.SigningKeyRow | None, *, is_lost: bool) -> None:
    is_readable = row is None or decrypted(row.private_key, purpose=SIGNING_KEY) is not None
    if is_lost and is_readable:
        raise Conflict("The current key can be read. Replace it without --lost.")
    if not is_lost and not is_readable:
        raise Conflict(f"{_UNREADABLE} If that value is lost, replace the key with --lost.")


def _keys() -> _CachedKeys:
    global _cached  # noqa: PLW0603 -- as above
    cached = _cached
    if cached is None or cached.read_at < time.monotonic() - _CACHE_SECONDS:
        cached = _cached = _read()
    return cached


def _read() -> _CachedKeys:
    read_at = time.monotonic()
    project = _project()
    published = list(_trusted().filter(project=project).order_by("-created_at"))
    row = _signing(published)
    if row is None:
        row = _create_first(project)
        published = list(_trusted().filter(project=project).order_by("-created_at"))
    _delete_private_keys(published)
    verifying = {_kid(row): _verifying(row) for row in published}
    return _CachedKeys(
        public_id("project", project.pk), _usable(row), [row.public_jwk for row in published], verifying, read_at
    )


def _signing(rows: Sequence[models.SigningKeyRow]) -> models.SigningKeyRow | None:
    """Return the key that signs now."""
    now = timezone.now()
    return next((row for row in rows if row.signs_from <= now and (not row.replaced_at or row.replaced_at > now)), None)


def _delete_private_keys(rows: Sequence[models.SigningKeyRow]) -> None:
    """Delete the private keys that no process uses to sign."""
    before = timezone.now() - _IN_CACHES
    unused = [row.pk for row in rows if row.replaced_at and row.replaced_at < before and row.private_key]
    if unused:
        models.SigningKeyRow.objects.filter(pk__in=unused).update(private_key=b"")


def _trusted() -> QuerySet[models.SigningKeyRow]:
    recent = Q(replaced_at=None) | Q(replaced_at__gt=timezone.now() - PUBLISHED_FOR)
    return models.SigningKeyRow.objects.filter(recent)


def _verifying(row: models.SigningKeyRow) -> RSAKey:
    # Without the certificate and the other published members, which the library would check at each use.
    return RSAKey.import_key({name: row.public_jwk[name] for name in ("kty", "n", "e")})


def _project() -> models.ProjectRow:
    project = models.ProjectRow.objects.order_by("created_at", "pk").first()
    if project is None:
        raise NotFound(
            "The project does not exist yet. Create it with `manage.py createproject`.", error_type="project_not_found"
        )
    return project


def _usable(row: models.SigningKeyRow) -> SigningKey | None:
    """Return the key of a row. None if no key of this process decrypts it."""
    private = decrypted(row.private_key, purpose=SIGNING_KEY)
    if private is None:
        log.error("signing_key_unreadable", kid=_kid(row), reason=_UNREADABLE)
        return None
    # We created and encrypted the key ourselves, so skip the slow validation.
    key = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    return SigningKey(
        _kid(row), public_id("project", row.project_id), RSAKey.import_key(cast("rsa.RSAPrivateKey", key))
    )


def _create_first(project: models.ProjectRow) -> models.SigningKeyRow:
    """Create the project's first key, or return the one that another process created in the meantime."""
    caller = Caller(Actor(ActorType.OPERATOR, name="first use"), Origin())
    with transaction.atomic():
        row = _insert(project, caller, "signing_key.create", timezone.now())
    return row or models.SigningKeyRow.objects.get(project=project, replaced_at=None)


def _insert(
    project: models.ProjectRow, caller: Caller, action: str, signs_from: datetime
) -> models.SigningKeyRow | None:
    """Create a key. Return None if there is a current one."""
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
    """Return the public key in the form that Stytch publishes, with a certificate."""
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
    """Return a self-signed certificate of the key, for clients that read keys only in this form."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, kid)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(now).not_valid_after(now + _CERTIFICATE_LIFETIME).sign(key, SHA256())


def _kid(row: models.SigningKeyRow) -> str:
    return public_id("jwk", row.pk)
