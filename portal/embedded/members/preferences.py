"""What members choose for the pages that they see."""

from django.db import transaction

from portal.directory.errors import Invalid
from portal.directory.ids import parse_id
from portal.directory.preferences import Preferences, zone
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.scope import Scope


class EmbeddedPreferences:
    """Implements portal.directory.preferences.PreferencesGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def change(self, preferences: Preferences) -> None:
        """Store the acting member's preferences. Raise Invalid, Unauthenticated."""
        member = self._scope.require_own_account().member
        if preferences.time_zone and zone(preferences.time_zone) is None:
            raise Invalid("Choose a time zone from the list.", field="time_zone")
        wanted = {
            "time_zone": preferences.time_zone,
            "theme": str(preferences.theme),
            "locale": preferences.locale,
        }
        with transaction.atomic():
            rows = self._scope.of(models.MemberRow).select_for_update(no_key=True)
            row = rows.get(pk=parse_id("member", member.member_id))
            before = {name: getattr(row, name) for name in wanted if getattr(row, name) != wanted[name]}
            if not before:
                return
            for name in before:
                setattr(row, name, wanted[name])
            row.save(update_fields=[*before, "updated_at"])
            record(
                self._scope.caller,
                "member.update_preferences",
                organization_id=row.organization_id,
                target_id=member.member_id,
                target_name=row.email_address,
                before=before,
                after={name: wanted[name] for name in before},
            )
