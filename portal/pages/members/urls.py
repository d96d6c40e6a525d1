"""The pages of members."""

from portal.access.routing import route
from portal.directory.permissions import Permission
from portal.pages.members import second_factors, unlocking, views

app_name = "members"

urlpatterns = [
    route("", views.members, name="members", allow=Permission.MEMBER_SEARCH),
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
