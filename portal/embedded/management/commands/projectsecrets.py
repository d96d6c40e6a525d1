"""`manage.py projectsecrets`."""

from typing import Any

from portal.directory.actor import Origin
from portal.embedded import operator
from portal.embedded.management.operator_command import Answer, OperatorCommand
from portal.embedded.operator import ProjectSecret


class Command(OperatorCommand):
    """List the project's secrets: how each ends, when it was made, and when it was last used."""

    help = __doc__

    def carry_out(self, origin: Origin, **_: Any) -> Answer:  # noqa: ARG002 -- nothing is changed
        """List them."""
        secrets = operator.project_secrets()
        lines = [_line(one) for one in secrets] or ["There is no secret. createproject makes one."]
        return Answer({one.secret_id: one.last_four for one in secrets}, "\n".join(lines))


def _line(one: ProjectSecret) -> str:
    used = f"last used {one.last_used_at:%-d %B %Y %H:%M} UTC" if one.last_used_at else "never used"
    return f"{one.secret_id}  …{one.last_four}  made {one.created_at:%-d %B %Y}, {used}"
