"""Who calls: an identity provider, known by the bearer token of its connection."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, Q, QuerySet, UUIDField, Value
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.ids import parse_id, public_id
from portal.directory.scim.connection import ScimConnectionStatus, ScimIdentityProvider
from portal.directory.scim.log import ScimRejection
from portal.directory.scim.tokens import USE_STORED_EVERY
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.database.statements import Statement, columns_of
from portal.embedded.scim.filter.comparison import ComparisonBudget
from portal.embedded.scim.protocol.errors import ScimError
from portal.embedded.scim.protocol.schemas import GROUP, USER, ResourceSchema, extended, with_short_names
from portal.embedded.tokens import token_hash

_ENTRA_FLAG = "aadoptscim062020"
log = structlog.get_logger("gatehouse.scim")

_TOKEN = Statement(
    lambda digest: models.ScimTokenRow.objects.filter(token_hash=digest),
    (
        *columns_of(models.ScimTokenRow),
        *columns_of(models.ScimConnectionRow, "connection__"),
        *columns_of(models.OrganizationRow, "connection__organization__"),
    ),
    (models.ScimTokenRow._meta.get_field("token_hash"), b"example"),
)


class UnindexedEquals(Func):
    """Whether a column has a key, said in a form that no index answers: for rows that are found by something else.

    What has no statistics yet, as a connection that fills up, is small to PostgreSQL: any index that begins with the
    organization and the connection seems as good as the right one, and all rows of the connection are read.
    """

    output_field = BooleanField()

    def __init__(self, column: str, key: UUID) -> None:
        super().__init__(F(column), Value(key, output_field=UUIDField()))

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:  # type: ignore[override]  # -- Func's takes templates that are not used here
        """Return the condition for PostgreSQL."""
        return super().as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner=" IS NOT DISTINCT FROM ")

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:
        """Return the condition for SQLite, where a plus keeps an index from it."""
        return super().as_sql(compiler, connection, template="(+%(expressions)s)", arg_joiner=" IS ")


class IndexHint(Enum):
    """Which indexes fit the conditions that rows are a connection's, and so may find them (docs/decisions/0016)."""

    CONNECTION = auto()  # those that begin with the organization and the connection: for lists
    VALUE = auto()  # those that begin with a value, which is the connection's
    KEY = auto()  # those of keys, and of what is as rare

    def conditions(self, organization: UUID, connection: UUID) -> tuple[Q | UnindexedEquals, Q | UnindexedEquals]:
        """Return the conditions, in the order of the parameters."""
        by_organization, by_connection = self is IndexHint.CONNECTION, self is not IndexHint.KEY
        return (
            Q(organization_id=organization) if by_organization else UnindexedEquals("organization_id", organization),
            Q(connection_id=connection) if by_connection else UnindexedEquals("connection_id", connection),
        )


@dataclass(frozen=True)
class ScimClient:
    """A connection that proved its token; every query below starts from it, so none can reach another's rows."""

    connection: models.ScimConnectionRow
    origin: Origin
    # The attributes that were changed so far, for the request log.
    changed: set[str] = field(default_factory=set, compare=False)
    budget: ComparisonBudget = field(default_factory=ComparisonBudget, compare=False)
    # How many people earlier operations of a bulk request took out of each group, without those that the safeguard counted.
    taken_out: Counter[UUID] = field(default_factory=Counter, compare=False)
    # Whether the request has Entra's own parameter, on a connection of any identity provider.
    has_entra_flag: bool = False
    # Whether nothing of the request remains: it runs in a transaction that is rolled back.
    is_dry_run: bool = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a change in a transaction. If it is rejected, roll back, call the error's after_rollback() and raise it."""
        try:
            with transaction.atomic():
                yield
        except ScimError as error:
            if not self.is_dry_run:
                error.after_rollback()
            raise

    @property
    def organization_id(self) -> UUID:
        """The organization that the connection belongs to."""
        return self.connection.organization_id

    @cached_property
    def connection_id(self) -> str:
        """The connection's public id."""
        return public_id("scim-connection", self.connection.pk)

    @cached_property
    def base_url(self) -> str:
        """The address below which all resources are."""
        return f"{settings.PUBLIC_URL}/v1/b2b/scim/{self.connection_id}"

    @property
    def is_entra(self) -> bool:
        """Say whether Microsoft Entra is at the other end, which reads RFC 7644 in a way of its own."""
        return self.has_entra_flag or self.connection.identity_provider == ScimIdentityProvider.MICROSOFT_ENTRA

    @property
    def reads_as_entra(self) -> bool:
        """Say whether what Entra is known to send is read as it means it: not where the connection is strict."""
        return self.is_entra and not self.connection.is_strict

    @cached_property
    def caller(self) -> Caller:
        """Who makes the changes, for the activity log."""
        return Caller(Actor(ActorType.SCIM, self.connection_id, self.connection.display_name), self.origin)

    @cached_property
    def user_schema(self) -> ResourceSchema:
        """What people consist of, with the connection's own extensions."""
        return self._extended(USER)

    @cached_property
    def group_schema(self) -> ResourceSchema:
        """What groups consist of, with the connection's own extensions."""
        return self._extended(GROUP)

    def _extended(self, base: ResourceSchema) -> ResourceSchema:
        own = [one["schema"] for one in self.connection.extension_schemas if one["resourceType"] == base.name]
        schema = extended(base, json.dumps(own)) if own else base
        return with_short_names(schema) if self.reads_as_entra else schema

    def users(self, index_hint: IndexHint = IndexHint.CONNECTION) -> QuerySet[models.ScimUserRow]:
        """Return the connection's people."""
        own = index_hint.conditions(self.organization_id, self.connection.pk)
        return models.ScimUserRow.objects.filter(*own).defer("search")

    def groups(self, index_hint: IndexHint = IndexHint.CONNECTION) -> QuerySet[models.ScimGroupRow]:
        """Return the connection's groups."""
        own = index_hint.conditions(self.organization_id, self.connection.pk)
        return models.ScimGroupRow.objects.filter(*own).defer("search")


@dataclass(frozen=True)
class DelegatedClient(ScimClient):
    """A connection whose rules someone else applies: an admin, the product, or a change that concerns its people."""

    by: Caller = field(kw_only=True)

    @property
    def caller(self) -> Caller:
        """Who makes the changes, for the activity log."""
        return self.by


@dataclass(frozen=True, slots=True)
class Identification:
    """Who a call is from: the client, if token and address agree; else, for the log, why not.

    `connection` is the one of the token, or else the one that the address names; `addressed` is the one that the address
    names where the token is another's.
    """

    client: ScimClient | None
    connection: models.ScimConnectionRow | None
    token: models.ScimTokenRow | None
    rejection: ScimRejection | None = None
    addressed: models.ScimConnectionRow | None = None


def has_entra_flag(parameters: Iterable[str]) -> bool:
    """Say whether one of a request's parameters is the one that Entra carries along from its tenant URL."""
    return any(name.lower() == _ENTRA_FLAG for name in parameters)


def authenticate(connection_id: str, bearer_token: str, origin: Origin) -> Identification:
    """Say who calls; only the log knows what was wrong, and every refusal takes the same queries."""
    key = parse_id("scim-connection", connection_id)
    token = _TOKEN.first_object(token_hash(bearer_token))
    rejection = _rejection(token, key)
    if token is not None and rejection is None:
        return Identification(ScimClient(token.connection, origin), token.connection, token)
    log.warning("scim_client_refused", cause=str(rejection), connection_id=connection_id[:100])
    addressed = models.ScimConnectionRow.objects.filter(pk=key).first()
    if token is None:
        return Identification(None, addressed, None, rejection)
    elsewhere = addressed if addressed and addressed.pk != token.connection_id else None
    return Identification(None, token.connection, token, rejection, elsewhere)


def record_token_use(token: models.ScimTokenRow, origin: Origin) -> None:
    """Note that the token was used, unless that was noted within the last minute."""
    now = timezone.now()
    if token.last_used_at is not None and token.last_used_at > now - USE_STORED_EVERY:
        return
    # The condition again: of simultaneous calls, one writes.
    due = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_STORED_EVERY)
    models.ScimTokenRow.objects.filter(due, pk=token.pk).update(
        last_used_at=now, last_used_ip=origin.ip_address, last_used_client=origin.user_agent
    )


def _rejection(token: models.ScimTokenRow | None, addressed: UUID) -> ScimRejection | None:
    """Return what is wrong with a token at a connection's address; the nil UUID is at none."""
    if token is None:
        return ScimRejection.UNKNOWN_TOKEN
    if not addressed.int:
        return ScimRejection.NO_CONNECTION_ID
    if token.connection_id != addressed:
        return ScimRejection.OTHER_ADDRESS
    return _token_rejection(token)


def _token_rejection(token: models.ScimTokenRow) -> ScimRejection | None:
    """Return why a token is not good any more."""
    if token.connection.status != ScimConnectionStatus.ACTIVE:
        return ScimRejection.CONNECTION_DELETED
    if token.revoked_at is not None:
        return ScimRejection.REVOKED_TOKEN
    return ScimRejection.EXPIRED_TOKEN if token.expires_at <= timezone.now() else None
