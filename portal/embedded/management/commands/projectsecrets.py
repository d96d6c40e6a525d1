"""`manage.py projectsecrets`."""

from typing import Any

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.embedded.project_secrets import ProjectSecret, project_secrets


class Command(OperatorCommand):
    """List the project's secrets: their last characters, and when each was created and last used."""

    help = __doc__

    def run(self, origin: Origin, **_: Any) -> Output:  # noqa: ARG002 -- it changes nothing
        """List them."""
        secrets = project_secrets()
        lines = [_line(one) for one in secrets] or ["No secrets yet. Create one with createproject."]
        return Output({one.secret_id: one.last_four for one in secrets}, "\n".join(lines))


def _line(one: ProjectSecret) -> str:
    used = f"last used {one.last_used_at:%-d %b %Y, %H:%M} UTC" if one.last_used_at else "never used"
    return f"{one.secret_id}  …{one.last_four}  created {one.created_at:%-d %b %Y}, {used}"
