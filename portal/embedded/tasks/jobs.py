"""The schedule: what runs from time to time, in any worker.

A job is one line: a name, a period, and a function without arguments. Decision 0028 says what it may rely on.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Job:
    """A function that runs once per period, over all workers. It's named, so that only workers load what it needs."""

    name: str
    every: timedelta
    function: str


JOBS = (
    Job("prune_sessions", timedelta(hours=1), "portal.embedded.sessions.lifecycle.prune"),
    Job("prune_intermediate_sessions", timedelta(hours=1), "portal.embedded.sessions.intermediate.prune"),
    Job("prune_invitations", timedelta(hours=1), "portal.embedded.invitations.jobs.prune"),
    Job("prune_email_tokens", timedelta(hours=1), "portal.embedded.sign_in.email_tokens.prune"),
    Job("prune_passkey_challenges", timedelta(hours=1), "portal.embedded.second_factors.passkeys.prune"),
    Job("prune_remembered_devices", timedelta(hours=1), "portal.embedded.second_factors.remembered_devices.prune"),
    Job("prune_embed_tickets", timedelta(hours=1), "portal.embedded.embedding.tickets.prune"),
    Job("prune_sign_in_links", timedelta(days=1), "portal.embedded.members.sign_in_links.prune"),
    Job("prune_rate_limit_counters", timedelta(hours=1), "portal.embedded.database.rate_limits.prune"),
    Job("prune_scim_requests", timedelta(hours=1), "portal.embedded.scim.log.pruning.prune"),
    Job("create_partitions", timedelta(days=1), "portal.embedded.database.partitions.create"),
    Job("prune_scim_connections", timedelta(days=1), "portal.embedded.scim.deletion.prune"),
    Job("prune_organizations", timedelta(days=1), "portal.embedded.organizations.deletion.prune"),
    Job("prune_signing_keys", timedelta(days=1), "portal.embedded.sessions.signing_keys.prune"),
    Job("prune_tasks", timedelta(hours=1), "portal.embedded.tasks.claims.prune"),
    Job("count_organizations", timedelta(minutes=5), "portal.embedded.counts.count_changed"),
    Job("prune_counts", timedelta(hours=1), "portal.embedded.counts.prune"),
    Job("check_domains", timedelta(minutes=1), "portal.embedded.organizations.domain_checks.enqueue_checks"),
    Job("send_reminders", timedelta(minutes=10), "portal.embedded.scim.reminders.enqueue_reminders"),
)
