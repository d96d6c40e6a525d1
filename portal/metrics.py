"""What this process counts and measures for /metrics; docs/metrics.md explains each. Labels have few values: never an ID or text.

Every metric has a label, because one without would create a file in PROMETHEUS_MULTIPROC_DIR for every command.
"""

import threading
from typing import Final

from django.conf import settings
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# A series for each other one, which says when it began.
disable_created_metrics()  # type: ignore[no-untyped-call]  # -- the library has no types here

REQUESTS: Final = Counter("gatehouse_requests_total", "Requests handled", ["route", "method", "status"])
REQUEST_SECONDS: Final = Histogram("gatehouse_request_seconds", "Response time in seconds", ["route"])
REQUEST_DATABASE_SECONDS: Final = Histogram(
    "gatehouse_request_database_seconds", "Time that a request waited for the database", ["area"]
)
DATABASE_ERRORS: Final = Counter(
    "gatehouse_database_errors_total", "Connections and statements that the database failed", ["reason"]
)
REQUEST_SLOTS: Final = Gauge(
    "gatehouse_request_slots",
    "Requests at once: the limit, those worked on, and those that wait",
    ["state"],
    multiprocess_mode="livesum",
)
SCIM_REQUESTS: Final = Counter(
    "gatehouse_scim_requests_total", "Requests of identity providers", ["connection", "outcome", "cause"]
)
SCIM_LOG_ENTRIES_LOST: Final = Counter(
    "gatehouse_scim_log_entries_lost_total", "Requests whose entry couldn't be written to the request log", ["reason"]
)
SAFEGUARD_HOLDS: Final = Counter(
    "gatehouse_scim_safeguard_holds_total", "Holds that the deactivation safeguard began", ["about"]
)
FAILED_SIGN_INS: Final = Counter("gatehouse_failed_sign_ins_total", "Attempts to sign in that failed", ["reason"])
BREACH_LOOKUPS: Final = Counter(
    "gatehouse_breach_lookups_total", "Passwords looked up in the list of leaked ones", ["result"]
)

SMS: Final = Counter("gatehouse_sms_total", "Text messages, and those that weren't sent", ["outcome"])
# What the service bills: a long message is several.
SMS_SEGMENTS: Final = Counter("gatehouse_sms_segments_total", "Parts of the text messages that were sent", ["country"])

_KNOWN: Final = (
    (BREACH_LOOKUPS, ("breached", "clean", "failed", "skipped")),
    (
        SMS,
        (
            "accepted",
            "sent",
            "undeliverable",
            "failed",
            "country_not_allowed",
            "address_limit",
            "number_limit",
            "member_limit",
            "prefix_limit",
            "organization_limit",
            "new_numbers_limit",
        ),
    ),
    (SCIM_LOG_ENTRIES_LOST, ("unavailable", "error")),
    (SAFEGUARD_HOLDS, ("deactivation", "removal")),
    (
        FAILED_SIGN_INS,
        (
            "wrong_password",
            "password_not_allowed",
            "address_limit",
            "member_limit",
            "paused",
            "link_ended",
            "reset_required",
            "breached_password",
            "wrong_second_factor",
            "second_factor_locked",
        ),
    ),
)


class DatabaseTime(threading.local):
    """The seconds that this thread has waited for the database since the last `take()`."""

    seconds = 0.0

    def take(self) -> float:
        """Return the seconds, and begin again at 0."""
        taken, self.seconds = self.seconds, 0.0
        return taken


database_time = DatabaseTime()


def start() -> None:
    """Show counters as 0 from the start, because Prometheus ignores the first increase of a new series."""
    for metric, values in (*_KNOWN, (SMS_SEGMENTS, settings.PROJECT.sms.countries)):
        for value in values:
            metric.labels(value)
