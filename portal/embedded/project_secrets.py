"""Secrets of the project, which its backends authenticate with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import transaction

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import NotFound
from portal.directory.ids import parse_id, public_id
from portal.embedded import audit, models
from portal.embedded.tokens import new_token, token_hash


@dataclass(frozen=True, slots=True)
class NewProjectSecret:
    """A new secret of the project. It is shown only once."""

    project_id: str
    public_token: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProjectSecret:
    """A secret of the project, without the secret itself. `last_used_at` is exact to the minute."""

    secret_id: str
    last_four: str
    created_at: datetime
    last_used_at: datetime | None


def create_project_secret(*, origin: Origin) -> NewProjectSecret:
    """Create a secret of the project, and the project itself the first time."""
    secret = new_token("secret-" + settings.PROJECT_ENVIRONMENT + "-")
    with transaction.atomic():
        project = models.ProjectRow.objects.first() or models.ProjectRow.objects.create(
            public_token=new_token(f"public-token-{settings.PROJECT_ENVIRONMENT}-")
        )
        row = models.ProjectSecretRow.objects.create(
            project=project, secret_hash=token_hash(secret), last_four=secret[-4:]
        )
        project_id = public_id("project", project.pk)
        audit.record(
            audit.Caller(Actor(ActorType.OPERATOR), origin),
            "project_secret.create",
            organization_id=None,
            target_id=project_id,
            after={"secret_id": public_id("secret", row.pk), "last_four": row.last_four},
        )
    return NewProjectSecret(project_id, project.public_token, secret)


def project_secrets() -> Sequence[ProjectSecret]:
    """Return the project's secrets, oldest first."""
    rows = models.ProjectSecretRow.objects.order_by("pk")
    return [ProjectSecret(public_id("secret", row.pk), row.last_four, row.created_at, row.last_used_at) for row in rows]


def revoke_project_secret(secret_id: str, *, origin: Origin) -> None:
    """Revoke a secret: requests with it are rejected immediately. Raise NotFound."""
    with transaction.atomic():
        row = models.ProjectSecretRow.objects.select_for_update().filter(pk=parse_id("secret", secret_id)).first()
        if row is None:
            raise NotFound(
                f'The secret "{secret_id}" doesn\'t exist. List the secrets with projectsecrets.', field="secret_id"
            )
        before = {"secret_id": secret_id, "last_four": row.last_four}
        row.delete()
        audit.record(
            audit.Caller(Actor(ActorType.OPERATOR), origin),
            "project_secret.revoke",
            organization_id=None,
            target_id=public_id("project", row.project_id),
            before=before,
        )
