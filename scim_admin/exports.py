"""The log as a file: what each line has."""

from portal.web.exports import Record
from scim_admin.log_presenter import LogEntry

COLUMNS = (
    "id",
    "at",
    "request",
    "method",
    "path",
    "query",
    "status",
    "scim_type",
    "detail",
    "cause",
    "how_to_fix",
    "duration_ms",
    "resource_type",
    "resource_id",
    "subject",
    "changed_attributes",
    "token_last_four",
    "ip_address",
    "user_agent",
    "request_id",
    "body",
    "is_body_cut",
)


def record(entry: LogEntry) -> Record:
    """Return a line of the file."""
    request, explanation = entry.request, entry.explanation
    values: dict[str, object] = {
        "id": request.scim_request_id,
        "at": request.at.isoformat(),
        "request": entry.title,
        "cause": explanation.title if explanation else "",
        "how_to_fix": explanation.fix if explanation else "",
        "changed_attributes": list(request.changed_attributes),
    }
    return {name: values[name] if name in values else getattr(request, name) for name in COLUMNS}
