"""The client of a request: a connection of an identity provider, authenticated by its bearer token."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, Model, Q, QuerySet, UUIDField, Value
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
from portal.embedded.scope import across_organizations, rows_of
from portal.embedded.tokens import organization_of, token_hash

_ENTRA_FLAG = "aadoptscim062020"
log = structlog.get_logger("gatehouse.scim")
Row = TypeVar("Row", bound=Model)

_TOKEN_COLUMNS = (
    *columns_of(models.ScimTokenRow),
    *columns_of(models.ScimConnectionRow, "connection__"),
    *columns_of(models.OrganizationRow, "connection__organization__"),
)
_TOKEN = Statement(
    lambda organization, digest: rows_of(organization, models.ScimTokenRow).filter(token_hash=digest),
    _TOKEN_COLUMNS,
    (models.ScimTokenRow._meta.get_field("organization"), UUID(int=1)),
    (models.ScimTokenRow._meta.get_field("token_hash"), b"example"),
)
# Tokens of older versions don't name their organization.
_UNROUTED_TOKEN = Statement(
    lambda digest: across_organizations(models.ScimTokenRow).filter(token_hash=digest),
    _TOKEN_COLUMNS,
    (models.ScimTokenRow._meta.get_field("token_hash"), b"example"),
)


class UnindexedEquals(Func):
    """Compare a column with a UUID in a form that no index serves, for rows that another index finds.

    Without statistics, as for a new connection, PostgreSQL takes a table for small: an index that begins with the
    connection looks as good as the right one, and then all rows of the connection are read.
    """

    output_field = BooleanField()

    def __init__(self, column: str, key: UUID) -> None:
        super().__init__(F(column), Value(key, output_field=UUIDField()))

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:  # type: ignore[override]  # -- Func's takes templates that are not used here
        """Return the condition for PostgreSQL."""
        return super().as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner=" IS NOT DISTINCT FROM ")

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:
        """Return the condition for SQLite, where a unary plus prevents the use of an index."""
        return super().as_sql(compiler, connection, template="(+%(expressions)s)", arg_joiner=" IS ")


class IndexHint(Enum):
    """The indexes that can find a connection's rows, which decides the form of a condition (docs/decisions/0026)."""

    CONNECTION = auto()  # indexes that begin with the connection: for lists
    VALUE = auto()  # primary keys, and indexes that begin with a value

    def rows(self, model: type[Row], organization: UUID, connection: UUID) -> QuerySet[Row]:
        """Return a connection's rows of a model."""
        is_list = self is IndexHint.CONNECTION
        of_connection = Q(connection_id=connection) if is_list else UnindexedEquals("connection_id", connection)
        return rows_of(organization, model).filter(of_connection)


@dataclass(frozen=True)
class ScimClient:
    """An authenticated connection. Every query of the protocol starts here, so none reaches another connection's rows."""

    connection: models.ScimConnectionRow
    origin: Origin
    # The attributes that the request changed so far, for its log entry.
    changed: set[str] = field(default_factory=set, compare=False)
    budget: ComparisonBudget = field(default_factory=ComparisonBudget, compare=False)
    # How many users earlier operations of a bulk request removed from each group and the safeguard has not counted.
    taken_out: Counter[UUID] = field(default_factory=Counter, compare=False)
    # Whether the URL has the parameter that Entra adds, on a connection of any identity provider.
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
        """The organization of the connection."""
        return self.connection.organization_id

    @cached_property
    def connection_id(self) -> str:
        """The connection's public id."""
        return public_id("scim-connection", self.connection.pk)

    @cached_property
    def base_url(self) -> str:
        """The base URL of the connection."""
        return f"{settings.PUBLIC_URL}/v1/b2b/scim/{self.connection_id}"

    @property
    def is_entra(self) -> bool:
        """Say whether the identity provider is Microsoft Entra, which deviates from RFC 7644."""
        return self.has_entra_flag or self.connection.identity_provider == ScimIdentityProvider.MICROSOFT_ENTRA

    @property
    def reads_as_entra(self) -> bool:
        """Say whether Entra's deviations are accepted, as on all connections that are not strict."""
        return self.is_entra and not self.connection.is_strict

    @cached_property
    def caller(self) -> Caller:
        """The author of the changes, for the activity log."""
        return Caller(Actor(ActorType.SCIM, self.connection_id, self.connection.display_name), self.origin)

    @cached_property
    def user_schema(self) -> ResourceSchema:
        """The schema of users, with the connection's own extensions."""
        return self._extended(USER)

    @cached_property
    def group_schema(self) -> ResourceSchema:
        """The schema of groups, with the connection's own extensions."""
        return self._extended(GROUP)

    def _extended(self, base: ResourceSchema) -> ResourceSchema:
        own = [one["schema"] for one in self.connection.extension_schemas if one["resourceType"] == base.name]
        schema = extended(base, json.dumps(own)) if own else base
        return with_short_names(schema) if self.reads_as_entra else schema

    def users(self, index_hint: IndexHint = IndexHint.CONNECTION) -> QuerySet[models.ScimUserRow]:
        """Return the connection's users."""
        return self._rows(models.ScimUserRow, index_hint)

    def groups(self, index_hint: IndexHint = IndexHint.CONNECTION) -> QuerySet[models.ScimGroupRow]:
        """Return the connection's groups."""
        return self._rows(models.ScimGroupRow, index_hint)

    def _rows(self, model: type[Row], index_hint: IndexHint) -> QuerySet[Row]:
        return index_hint.rows(model, self.organization_id, self.connection.pk).defer("search")


@dataclass(frozen=True)
class DelegatedClient(ScimClient):
    """A connection whose rules are applied to a change by someone else, such as an admin or another connection."""

    by: Caller = field(kw_only=True)

    @property
    def caller(self) -> Caller:
        """The author of the changes, for the activity log."""
        return self.by


@dataclass(frozen=True, slots=True)
class Identification:
    """The client of a request, if token and URL agree, or else the reason of the rejection, for the log.

    `connection` is the token's connection, or the URL's if the token is unknown. `addressed` is the URL's connection if
    the token belongs to another one.
    """

    client: ScimClient | None
    connection: models.ScimConnectionRow | None
    token: models.ScimTokenRow | None
    rejection: ScimRejection | None = None
    addressed: models.ScimConnectionRow | None = None


def has_entra_flag(parameters: Iterable[str]) -> bool:
    """Say whether the parameters of a URL include the one that Entra copies from its tenant URL."""
    return any(name.lower() == _ENTRA_FLAG for name in parameters)


def authenticate(connection_id: str, bearer_token: str, origin: Origin) -> Identification:
    """Identify the client of a request. Every rejection takes the same queries, so its time does not reveal the reason."""
    key = parse_id("scim-connection", connection_id)
    organization, digest = organization_of(bearer_token), token_hash(bearer_token)
    token = _TOKEN.first_object(organization, digest) if organization else _UNROUTED_TOKEN.first_object(digest)
    rejection = _rejection(token, key)
    if token is not None and rejection is None:
        return Identification(ScimClient(token.connection, origin), token.connection, token)
    log.warning("scim_client_rejected", cause=str(rejection), connection_id=connection_id[:100])
    addressed = across_organizations(models.ScimConnectionRow).filter(pk=key).first()
    if token is None:
        return Identification(None, addressed, None, rejection)
    elsewhere = addressed if addressed and addressed.pk != token.connection_id else None
    return Identification(None, token.connection, token, rejection, elsewhere)


def record_token_use(token: models.ScimTokenRow, origin: Origin) -> None:
    """Store when and by which client the token was used, at most once a minute."""
    now = timezone.now()
    if token.last_used_at is not None and token.last_used_at > now - USE_STORED_EVERY:
        return
    # The same condition in SQL: of simultaneous requests, only one writes.
    due = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_STORED_EVERY)
    rows_of(token.organization_id, models.ScimTokenRow).filter(due, pk=token.pk).update(
        last_used_at=now, last_used_ip=origin.ip_address, last_used_client=origin.user_agent
    )


def _rejection(token: models.ScimTokenRow | None, addressed: UUID) -> ScimRejection | None:
    """Return why a token is rejected at the URL of a connection, or None. The nil UUID means a URL without a connection."""
    if token is None:
        return ScimRejection.UNKNOWN_TOKEN
    if not addressed.int:
        return ScimRejection.NO_CONNECTION_ID
    if token.connection_id != addressed:
        return ScimRejection.OTHER_ADDRESS
    return _token_rejection(token)


def _token_rejection(token: models.ScimTokenRow) -> ScimRejection | None:
    """Return why a token is no longer valid, or None."""
    if token.connection.status != ScimConnectionStatus.ACTIVE:
        return ScimRejection.CONNECTION_DELETED
    if token.revoked_at is not None:
        return ScimRejection.REVOKED_TOKEN
    return ScimRejection.EXPIRED_TOKEN if token.expires_at <= timezone.now() else None
