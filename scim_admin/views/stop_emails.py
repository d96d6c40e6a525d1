"""Stop the emails to a contact, from a link in one of them."""

from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt

from portal.directory.errors import InvalidLink
from portal.web.availability import available
from portal.web.pages import render_page
from portal.web.request import PortalRequest


@csrf_exempt  # mail programs post the link for their users (RFC 8058); it was only sent to the contact
def stop_emails(request: PortalRequest, token: str) -> HttpResponse:
    """Ask whether to stop the emails and, on POST, stop them. Opening the link changes nothing."""
    contacts = available(request.directory.scim.contacts, "contacts")
    context = {"organization": request.directory.organization.get()}
    try:
        contact = contacts.stop(token) if request.method == "POST" else contacts.stoppable(token)
    except InvalidLink as error:
        return render_page(
            request, "scim_admin/stop_emails.html", {**context, "detail": error.detail}, status=error.status
        )
    return render_page(request, "scim_admin/stop_emails.html", {**context, "contact": contact})
