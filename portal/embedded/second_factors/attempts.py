"""Wrong codes of one member's factor: after ten in a row, from any address, none is checked for a while."""

from datetime import timedelta

from django.utils import timezone

from portal.directory.errors import TooManyRequests
from portal.embedded import models
from portal.metrics import FAILED_SIGN_INS

MAX_IN_A_ROW = 10
# Ten more wrong codes double the time: that leaves an attacker who has the password about ten codes a day.
_FIRST_LOCK, _LONGEST_LOCK = timedelta(minutes=15), timedelta(hours=24)

Row = models.TotpRow | models.RecoveryCodesRow | models.SmsOtpRow


def check_not_locked(row: Row) -> None:
    """Raise TooManyRequests while a locked row takes no codes."""
    if row.locked_until is not None and row.locked_until > timezone.now():
        FAILED_SIGN_INS.labels("second_factor_locked").inc()
        minutes = -(-(row.locked_until - timezone.now()) // timedelta(minutes=1))
        raise TooManyRequests(
            f"There were too many wrong codes. Try again in {minutes} minutes, or use another way to confirm."
        )


def count_wrong(row: Row) -> None:
    """Count a wrong code of a locked row. The caller commits it."""
    FAILED_SIGN_INS.labels("wrong_second_factor").inc()
    row.failed_attempts += 1
    if row.failed_attempts % MAX_IN_A_ROW == 0:
        doublings = min(row.failed_attempts // MAX_IN_A_ROW - 1, 10)
        row.locked_until = timezone.now() + min(_FIRST_LOCK * 2**doublings, _LONGEST_LOCK)
    row.save(update_fields=["failed_attempts", "locked_until"])


def forget(row: Row) -> None:
    """Begin to count again, after a right code. The caller saves the row."""
    row.failed_attempts, row.locked_until = 0, None
