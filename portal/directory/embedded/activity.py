"""Writing the activity log: each change of the directory calls `record()` inside its own transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from portal.directory.embedded.models import ActivityEntry
from portal.directory.types import Actor, Origin


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a change, and from where."""

    actor: Actor
    origin: Origin


def record(  # noqa: PLR0913 -- an entry says who, what, to what, before and after
    caller: Caller,
    action: str,
    *,
    organization_id: UUID | None,
    target_id: str,
    target_name: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write one entry. `action` is `noun.verb`; `before` and `after` hold what changed, and never a secret."""
    ActivityEntry.objects.create(
        organization_id=organization_id,
        actor_type=caller.actor.type,
        actor_id=caller.actor.id,
        actor_name=caller.actor.name[:256],
        on_behalf_of=caller.actor.on_behalf_of,
        action=action,
        target_id=target_id,
        target_name=target_name[:256],
        before=before or {},
        after=after or {},
        ip_address=caller.origin.ip_address,
        user_agent=caller.origin.user_agent,
        request_id=caller.origin.request_id,
    )
