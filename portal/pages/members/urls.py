"""The pages of members."""

from portal.access.routing import route
from portal.directory.permissions import Permission
from portal.pages.members import bulk_invitations, invitations, second_factors, unlocking, views

app_name = "members"

urlpatterns = [
    route("", views.members, name="members", allow=Permission.MEMBER_SEARCH),
    route("invite/", invitations.invite, name="invite", allow=Permission.MEMBER_CREATE, methods=("GET", "POST")),
    route("invite/<str:job_id>/", bulk_invitations.job, name="invitation-job", allow=Permission.MEMBER_CREATE),
    route(
        "invite/<str:job_id>/start/",
        bulk_invitations.start,
        name="start-invitations",
        allow=Permission.MEMBER_CREATE,
        methods=("POST",),
    ),
    route(
        "invite/<str:job_id>/cancel/",
        bulk_invitations.cancel,
        name="cancel-invitations",
        allow=Permission.MEMBER_CREATE,
        methods=("POST",),
    ),
    route(
        "invite/<str:job_id>/results/",
        bulk_invitations.results,
        name="invitation-results",
        allow=Permission.MEMBER_CREATE,
        methods=("POST",),
    ),
    route("invitations/", invitations.pending, name="invitations", allow=Permission.MEMBER_SEARCH),
    route(
        "invitations/<str:member_id>/resend/",
        invitations.resend,
        name="resend-invitation",
        allow=Permission.MEMBER_CREATE,
        methods=("POST",),
    ),
    route(
        "invitations/<str:member_id>/revoke/",
        invitations.revoke,
        name="revoke-invitation",
        allow=Permission.MEMBER_DELETE,
        methods=("POST",),
    ),
    route("<str:member_id>/", views.member, name="member", allow=Permission.MEMBER_SEARCH),
    route(
        "<str:member_id>/unlock/",
        unlocking.unlock,
        name="unlock",
        allow=Permission.MEMBER_PASSWORD,
        methods=("POST",),
    ),
    route(
        "<str:member_id>/second-factor/remove/",
        second_factors.remove,
        name="remove-second-factor",
        allow=Permission.MEMBER_TOTP,
        methods=("POST",),
    ),
    route(
        "<str:member_id>/passkeys/remove/",
        second_factors.remove_passkeys,
        name="remove-passkeys",
        allow=Permission.MEMBER_TOTP,
        methods=("POST",),
    ),
    route(
        "<str:member_id>/phone-number/remove/",
        second_factors.remove_phone_number,
        name="remove-phone-number",
        allow=Permission.MEMBER_PHONE,
        methods=("POST",),
    ),
]
