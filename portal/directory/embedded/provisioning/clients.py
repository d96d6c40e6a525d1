"""Who calls: an identity provider, known by the bearer token of its connection."""

import json
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.embedded import models
from portal.directory.embedded.activity import Caller
from portal.directory.embedded.provisioning.schemas import GROUP, USER, ResourceSchema, extended
from portal.directory.embedded.tokens import token_hash
from portal.directory.ids import public_id
from portal.directory.types import Actor, ActorType, Origin, ScimConnectionStatus, ScimIdentityProvider

log = structlog.get_logger("gatehouse.scim")


@dataclass(frozen=True)
class ScimClient:
    """A connection that proved its token; every query below starts from it, so none can reach another's rows."""

    connection: models.ScimConnection
    origin: Origin

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
        return self.connection.identity_provider == ScimIdentityProvider.MICROSOFT_ENTRA

    @property
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
        return extended(base, json.dumps(own)) if own else base

    def users(self) -> QuerySet[models.ScimUser]:
        """Return the connection's people."""
        rows = models.ScimUser.objects.filter(organization_id=self.organization_id, connection_id=self.connection.pk)
        return rows.defer("search")

    def groups(self) -> QuerySet[models.ScimGroup]:
        """Return the connection's groups."""
        rows = models.ScimGroup.objects.filter(organization_id=self.organization_id, connection_id=self.connection.pk)
        return rows.defer("search")


def authenticate(connection_id: str, bearer_token: str, origin: Origin) -> ScimClient | None:
    """Return the client whose token, address and connection agree, or None; only the log knows what was wrong."""
    connections = models.ScimConnection.objects.select_related("organization")
    row = connections.filter(bearer_token_hash=token_hash(bearer_token)).first()
    cause = _refusal(row, connection_id)
    if row is None or cause:
        log.warning("scim_client_refused", cause=cause, connection_id=connection_id[:100])
        return None
    return ScimClient(row, origin)


def _refusal(row: models.ScimConnection | None, connection_id: str) -> str:
    if row is None:
        return "unknown token"
    if public_id("scim-connection", row.pk) != connection_id:
        return "token of another connection"
    if row.status != ScimConnectionStatus.ACTIVE:
        return "connection deleted"
    if row.bearer_token_expires_at <= timezone.now():
        return "token expired"
    return ""
