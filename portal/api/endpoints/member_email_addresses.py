"""Stytch's methods of members' email addresses: a new one, and those that they had."""

from typing import Literal

from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.email_sign_in import AskedLocale, count_email
from portal.api.endpoints.members import (
    BROWSER_PATH,
    MEMBER_PATH,
    MemberRequest,
    MemberResponse,
    member_id_of,
    member_response,
    rights_or_self,
)
from portal.directory.email_updates import DeliveryMethod, EmailUpdateRequest


class UnlinkRetiredEmailRequest(MemberRequest):
    """A retired email address of a member."""

    email_id: str | None = None
    email_address: str | None = None


class StartEmailUpdateRequest(MemberRequest, kw_only=True):
    """The new address of a member, what is emailed to it, and where a link leads."""

    email_address: str
    delivery_method: Literal["", "EMAIL_MAGIC_LINK", "EMAIL_OTP"] | None = None
    login_redirect_url: str | None = None
    locale: AskedLocale = None
    login_template_id: str | None = None


class UnlinkRetiredEmailResponse(MemberResponse):
    """A member and their organization, with its ID."""

    organization_id: str


@endpoint(
    "organizations.members.unlink_retired_email",
    f"POST {MEMBER_PATH}/unlink_retired_email",
    browser=[
        BrowserRoute("POST", f"{BROWSER_PATH}/{{member_id}}/unlink_retired_email"),
        BrowserRoute("POST", f"{BROWSER_PATH}/unlink_retired_email"),
    ],
    rights=rights_or_self("update.info.unlink.retired-email"),
)
def unlink_retired_email(caller: Caller, request: UnlinkRetiredEmailRequest) -> UnlinkRetiredEmailResponse:
    """Release a retired email address of a member, so that another member can use it."""
    member = caller.directory.members.unlink_retired_email(
        member_id_of(caller, request.member_id),
        email_id=request.email_id or "",
        email_address=request.email_address or "",
    )
    one = member_response(caller, member)
    return UnlinkRetiredEmailResponse(one.member_id, one.member, one.organization, member.organization_id)


@endpoint(
    "organizations.members.start_email_update",
    f"POST {MEMBER_PATH}/start_email_update",
    browser=[
        BrowserRoute("POST", f"{BROWSER_PATH}/{{member_id}}/start_email_update"),
        BrowserRoute("POST", f"{BROWSER_PATH}/start_email_update"),
    ],
    rights=rights_or_self("update.info.email"),
)
def start_email_update(caller: Caller, request: StartEmailUpdateRequest) -> MemberResponse:
    """Email a link or code to a new address. The member's address changes when it is used; the old one is notified."""
    count_email(caller, request.email_address)
    member = caller.directory.email_updates.start(
        member_id_of(caller, request.member_id),
        EmailUpdateRequest(
            email_address=request.email_address,
            delivery_method=DeliveryMethod(request.delivery_method or DeliveryMethod.LINK),
            redirect_url=request.login_redirect_url,
            locale=request.locale or "",
            template_id=request.login_template_id,
        ),
    )
    return member_response(caller, member)
