"""The inbox of the demo: every email and text message that it would have sent, for people who try it on this machine."""

import ipaddress
from pathlib import Path

from django.conf import settings
from django.http import HttpResponse

from portal.directory.errors import NotFound
from portal.pages.inbox.mailbox import MAX_SHOWN, messages_in
from portal.web.pages import render_page
from portal.web.request import PortalRequest


def inbox(request: PortalRequest) -> HttpResponse:
    """Show the newest emails, and one of them. Only on this machine: they have links and codes of everyone."""
    if not settings.DEMO_INBOX or not ipaddress.ip_address(request.origin.ip_address).is_loopback:
        raise NotFound("This page doesn’t exist.")
    found = messages_in(Path(settings.EMAIL_FILE_PATH or ""))
    wanted = request.GET.get("message", "")
    chosen = next((one for one in found if one.name == wanted), found[0] if found and not wanted else None)
    context = {"found": found, "chosen": chosen, "is_gone": bool(wanted) and chosen is None, "limit": MAX_SHOWN}
    return render_page(request, "inbox/inbox.html", context)
