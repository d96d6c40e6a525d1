"""What follows when no password or code of a member is checked for a while."""

from portal.access.rate_limits import Attempt, is_paused, pause_ends
from portal.web.request import PortalRequest


def record_pause(request: PortalRequest, attempt: Attempt) -> bool:
    """Say whether a rejected attempt met a pause, and record that the member is locked. Not for signed-in members."""
    if attempt.is_confirmation or not is_paused(attempt):
        return False
    recorder = request.directories.lock_recorder()
    if recorder is not None:
        recorder.lock(attempt.email_address, until=pause_ends(attempt))
    return True
