"""The limits of the deactivation safeguard: the organization's, within the bounds that the operator sets."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.directory.errors import Conflict, Invalid
from portal.directory.scim.safeguard import TRIAL_MINIMUM, TRIAL_PERIOD, ScimSafeguardLimit, ScimSafeguardLimits
from portal.embedded import audit, models
from portal.embedded.scim.connection import active_connection
from portal.embedded.scope import Scope

_ALL = 100  # percent


def is_off() -> bool:
    """Say whether the operator turned the safeguard off for all connections."""
    return not 0 < settings.SCIM_SAFEGUARD_SHARE < _ALL


def limits(connection: models.ScimConnectionRow) -> ScimSafeguardLimits:
    """Return the limits of a connection. A stored limit outside of the bounds is moved to the nearest one."""
    return ScimSafeguardLimits(
        share=_limit(connection.safeguard_share, settings.SCIM_SAFEGUARD_SHARE, settings.SCIM_SAFEGUARD_SHARE_BOUNDS),
        minimum=_limit(
            connection.safeguard_minimum, settings.SCIM_SAFEGUARD_MINIMUM, settings.SCIM_SAFEGUARD_MINIMUM_BOUNDS
        ),
    )


def share(connection: models.ScimConnectionRow) -> int:
    """Return how many percent of the users can be deactivated within an hour, unless the safeguard is off."""
    return limits(connection).share.value


def minimum(connection: models.ScimConnectionRow) -> int:
    """Return how many users can be deactivated within an hour in any case."""
    return max(limits(connection).minimum.value, TRIAL_MINIMUM if trial_until(connection) else 0)


def trial_until(connection: models.ScimConnectionRow) -> datetime | None:
    """Return until when the connection is new, or None afterwards."""
    until = connection.created_at + TRIAL_PERIOD
    return until if until > timezone.now() else None


def change_limits(scope: Scope, connection_id: str, *, share: int, minimum: int, version: str) -> ScimSafeguardLimits:
    """Store the limits that change. The caller has checked the permission and the password.

    A limit that stays as it is in force is not stored, so that it still follows the operator's default.
    Raise NotFound, Invalid for a value out of bounds, Conflict for another version.
    """
    with transaction.atomic():
        row = active_connection(scope.organization_id, connection_id, lock=True)
        before = limits(row)
        if version != before.version:
            raise Conflict("Someone else changed the limits in the meantime. Nothing was saved.", field="version")
        changed = {}
        for name, limit, wanted in (
            ("safeguard_share", before.share, share),
            ("safeguard_minimum", before.minimum, minimum),
        ):
            if wanted == limit.value:
                continue
            if is_off() or not limit.lowest <= wanted <= limit.highest:
                raise Invalid(_allowed(limit), field=name.removeprefix("safeguard_"))
            setattr(row, name, wanted)
            changed[name] = (limit.value, wanted)
        if changed:
            row.save(update_fields=[*changed, "updated_at"])
            audit.record(
                scope.caller,
                "scim_connection.update_safeguard",
                organization_id=row.organization_id,
                target_id=connection_id,
                target_name=row.display_name,
                before={name: old for name, (old, _) in changed.items()},
                after={name: new for name, (_, new) in changed.items()},
            )
        return limits(row)


def _limit(chosen: int | None, default: int, bounds: tuple[int, int]) -> ScimSafeguardLimit:
    lowest, highest = bounds
    return ScimSafeguardLimit(min(max(default if chosen is None else chosen, lowest), highest), chosen, lowest, highest)


def _allowed(limit: ScimSafeguardLimit) -> str:
    if limit.is_fixed:
        return f"This server allows only {limit.lowest:,}."
    return f"Enter a number from {limit.lowest:,} to {limit.highest:,}."
