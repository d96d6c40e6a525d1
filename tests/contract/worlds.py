"""The two kinds of directory, with the same methods to create test data in each."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

import pytest
from django.conf import settings
from django.core import mail
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.directory import Directory, DirectoryProvider, ScimGateway
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.directory import EmbeddedProvider
from portal.stytch.directory import StytchProvider
from tests import factories
from tests.fakes.stytch import FakeStytch
from tests.tasks import run_tasks
from tests.text_messages import TextMessages

# Capabilities that only one of the directories has.
EMBEDDED_ONLY = pytest.mark.parametrize("world", ["embedded"], indirect=True)
STYTCH_ONLY = pytest.mark.parametrize("world", ["stytch"], indirect=True)
PASSWORD = "correct horse battery staple"
ADMIN = "stytch_admin"


class World(Protocol):
    """A directory and its test data. Objects are named by public IDs, organizations by slugs."""

    @property
    def provider(self) -> DirectoryProvider: ...

    def add_organization(self, slug: str, name: str) -> str: ...

    def add_member(
        self, slug: str, email_address: str, *, roles: Iterable[str] = (), password: str = PASSWORD
    ) -> str: ...

    def delete_member(self, member_id: str) -> None: ...

    def require_second_factor(self, slug: str) -> None: ...

    def emailed_codes(self, email_address: str) -> list[str]:
        """Send what waits, and return the newest code of an address, if there is one."""
        ...

    def emailed_links(self, email_address: str) -> list[str]:
        """Send what waits, and return the token of the newest link of an address, if there is one."""
        ...

    def texted_code(self, phone_number: str) -> str:
        """Send what waits, and return the newest code to a phone number, "" for none."""
        ...

    def let_join(self, slug: str, domain: str) -> None: ...

    def forbid_invitations(self, slug: str) -> None: ...

    def add_connection(self, slug: str) -> str: ...

    def delete_connection(self, connection_id: str) -> None: ...

    def add_groups(self, connection_id: str, names: Iterable[str]) -> list[str]: ...

    def add_user(self, connection_id: str, email_address: str, group_ids: Iterable[str] = ()) -> str: ...

    def add_user_without_address(self, connection_id: str, user_name: str) -> str: ...

    def rename_group(self, group_id: str, name: str) -> None: ...

    def delete_group(self, group_id: str) -> None: ...

    def add_conflict(self, connection_id: str, email_address: str, *, user_name: str = "") -> None: ...

    def add_requests(self, connection_id: str, number: int, **more: object) -> list[str]:
        """Log requests of the IdP, and return their ids, newest first. A directory without a log returns none."""
        ...

    def add_entries(self, slug: str, number: int, action: str = "organization.update", **more: object) -> list[str]:
        """Write entries of the activity log, and return their ids, newest first. A directory without a log returns none."""
        ...


def opened(world: World, slug: str = "acme") -> Directory:
    return world.provider.open(slug, Origin())


def acting(world: World, email_address: str = "ada@acme.example", slug: str = "acme") -> Directory:
    """Return the directory of a member who signed in with their password."""
    directory = opened(world, slug)
    return directory.acting_as(directory.sessions.sign_in(email_address=email_address, password=PASSWORD))


def delete_connection(scim: ScimGateway, connection_id: str) -> None:
    scim.deletion.delete(connection_id, version=scim.deletion.preview(connection_id).version)


class EmbeddedWorld:
    def __init__(self, texts: TextMessages | None = None) -> None:
        self.provider = EmbeddedProvider()
        self.texts = texts

    def add_organization(self, slug: str, name: str) -> str:
        return public_id("organization", factories.organization(slug, name=name).pk)

    def add_member(self, slug: str, email_address: str, *, roles: Iterable[str] = (), password: str = PASSWORD) -> str:
        organization = models.OrganizationRow.objects.get(slug=slug)
        return public_id("member", factories.member(organization, email_address, roles=roles, password=password).pk)

    def delete_member(self, member_id: str) -> None:
        models.MemberRow.objects.filter(pk=parse_id("member", member_id)).update(status=MemberStatus.DELETED)

    def require_second_factor(self, slug: str) -> None:
        settings = {"mfa_policy": "REQUIRED_FOR_ALL"}
        models.OrganizationRow.objects.filter(slug=slug).update(settings=settings)

    def emailed_codes(self, email_address: str) -> list[str]:
        run_tasks()
        sent = [str(one.body) for one in mail.outbox if one.to == [email_address]]
        return re.findall(r"^    (\d{6})$", sent[-1], re.MULTILINE) if sent else []

    def emailed_links(self, email_address: str) -> list[str]:
        run_tasks()
        sent = [str(one.body) for one in mail.outbox if one.to == [email_address]]
        return re.findall(r"[?&]token=(\S+)", sent[-1])[:1] if sent else []

    def texted_code(self, phone_number: str) -> str:
        assert self.texts
        return self.texts.code(phone_number) if self.texts.sent(phone_number) else ""

    def let_join(self, slug: str, domain: str) -> None:
        organization = models.OrganizationRow.objects.get(slug=slug)
        organization.email_allowed_domains = [domain]
        organization.settings = {"email_jit_provisioning": "RESTRICTED"}
        organization.save()
        factories.proved_domain(organization, domain)

    def forbid_invitations(self, slug: str) -> None:
        models.OrganizationRow.objects.filter(slug=slug).update(settings={"email_invites": "NOT_ALLOWED"})

    def add_connection(self, slug: str) -> str:
        # A deleted connection keeps its token.
        token = f"scim_token-of-{slug}-{models.ScimTokenRow.objects.count()}"
        connection = factories.scim_connection(models.OrganizationRow.objects.get(slug=slug), bearer_token=token)
        return public_id("scim-connection", connection.pk)

    def delete_connection(self, connection_id: str) -> None:
        connections = models.ScimConnectionRow.objects.filter(pk=parse_id("scim-connection", connection_id))
        connections.update(status=ScimConnectionStatus.DELETED, deleted_at=timezone.now())

    def add_groups(self, connection_id: str, names: Iterable[str]) -> list[str]:
        connection = models.ScimConnectionRow.objects.get(pk=parse_id("scim-connection", connection_id))
        return [public_id("scim-group", group.pk) for group in factories.scim_groups(connection, names)]

    def add_user(self, connection_id: str, email_address: str, group_ids: Iterable[str] = ()) -> str:
        connection = models.ScimConnectionRow.objects.get(pk=parse_id("scim-connection", connection_id))
        user = factories.provisioned(connection, email_address)
        for group_id in group_ids:
            factories.put_in_group(models.ScimGroupRow.objects.get(pk=parse_id("scim-group", group_id)), [user])
        return public_id("scim-user", user.pk)

    def add_user_without_address(self, connection_id: str, user_name: str) -> str:
        connection = models.ScimConnectionRow.objects.get(pk=parse_id("scim-connection", connection_id))
        return public_id("scim-user", factories.scim_user(connection, user_name, cannot_sign_in=True).pk)

    def rename_group(self, group_id: str, name: str) -> None:
        factories.rename(models.ScimGroupRow.objects.get(pk=parse_id("scim-group", group_id)), name)

    def add_conflict(self, connection_id: str, email_address: str, *, user_name: str = "") -> None:
        connection = models.ScimConnectionRow.objects.get(pk=parse_id("scim-connection", connection_id))
        member = connection.organization.members.get(email_address=email_address)
        factories.scim_conflict(connection, member, user_name=user_name)

    def delete_group(self, group_id: str) -> None:
        models.ScimGroupRow.objects.filter(pk=parse_id("scim-group", group_id)).delete()

    def add_requests(self, connection_id: str, number: int, **more: object) -> list[str]:
        connection = models.ScimConnectionRow.objects.get(pk=parse_id("scim-connection", connection_id))
        rows = [factories.scim_request(connection, **more) for _ in range(number)]
        return [public_id("scim-request", row.pk) for row in reversed(rows)]

    def add_entries(self, slug: str, number: int, action: str = "organization.update", **more: object) -> list[str]:
        organization = models.OrganizationRow.objects.get(slug=slug)
        rows = [factories.activity_entry(organization, action, **more) for _ in range(number)]
        return [public_id("activity", row.pk) for row in reversed(rows)]


class StytchWorld:
    def __init__(self, fake: FakeStytch) -> None:
        self.project = fake.project
        self.provider = StytchProvider()

    def add_organization(self, slug: str, name: str) -> str:
        return self.project.add_organization(slug, name).id

    def add_member(self, slug: str, email_address: str, *, roles: Iterable[str] = (), password: str = PASSWORD) -> str:
        organization = self.project.organization(slug)
        return self.project.add_member(organization, email_address, roles=roles, password=password).id

    def delete_member(self, member_id: str) -> None:
        self.project.delete_member(next(one for one in self.project.members if one.id == member_id))

    def require_second_factor(self, slug: str) -> None:
        self.project.organization(slug).mfa_policy = "REQUIRED_FOR_ALL"

    def emailed_codes(self, email_address: str) -> list[str]:
        members = [one.id for one in self.project.members if one.email_address == email_address]
        if email_address in self.project.discovery_codes:
            return [self.project.discovery_codes[email_address]]
        to_new = [code for address, code in self.project.new_addresses.values() if address == email_address]
        return to_new + [code for member_id, code in self.project.codes.items() if member_id in members]

    def emailed_links(self, email_address: str) -> list[str]:
        return [token for token, (address, _) in self.project.discovery_links.items() if address == email_address]

    def texted_code(self, phone_number: str) -> str:
        codes = [one.sms_code[0] for one in self.project.members if one.phone_number == phone_number and one.sms_code]
        return codes[-1] if codes else ""

    def let_join(self, slug: str, domain: str) -> None:
        self.project.organization(slug).jit_domain = domain

    def forbid_invitations(self, slug: str) -> None:
        self.project.organization(slug).email_invites = "NOT_ALLOWED"

    def add_connection(self, slug: str) -> str:
        return self.project.add_connection(self.project.organization(slug)).id

    def delete_connection(self, connection_id: str) -> None:
        self.project.connections = [one for one in self.project.connections if one.id != connection_id]

    def add_groups(self, connection_id: str, names: Iterable[str]) -> list[str]:
        connection = next(one for one in self.project.connections if one.id == connection_id)
        return [group.id for group in self.project.add_groups(connection, names)]

    def add_user(self, connection_id: str, email_address: str, group_ids: Iterable[str] = ()) -> str:
        """Return an ID. Stytch's API doesn't list the people in a group."""
        return f"scim-user-of-{email_address}"

    def add_user_without_address(self, connection_id: str, user_name: str) -> str:
        return self.add_user(connection_id, user_name)

    def rename_group(self, group_id: str, name: str) -> None:
        next(one for one in self.project.groups if one.id == group_id).name = name

    def delete_group(self, group_id: str) -> None:
        self.project.delete_group(next(one for one in self.project.groups if one.id == group_id))

    def add_conflict(self, connection_id: str, email_address: str, *, user_name: str = "") -> None:
        """Do nothing: Stytch keeps no such list."""

    def add_requests(self, connection_id: str, number: int, **more: object) -> list[str]:
        return []

    def add_entries(self, slug: str, number: int, action: str = "organization.update", **more: object) -> list[str]:
        return []


def after_sessions_end() -> datetime:
    """Return a timestamp at which every session that started now has ended."""
    return timezone.now() + timedelta(minutes=settings.SESSION_DURATION_MINUTES, seconds=1)
