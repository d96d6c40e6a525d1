"""An identity provider, a browser and a product's backend, which use the portal until the drill ends."""

import re
import threading
import time
from collections.abc import Mapping
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any

import requests

from tests.benchmarks.drill.journal import Journal
from tests.conftest import PASSWORD
from tests.deploy.serving import Site

# The ids and email addresses of people who have been created.
Users = SimpleQueue[tuple[str, str]]
_TIMEOUT = 100
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
# How often a person is changed after they were created.
_CHANGES = 3
_PAUSE = 0.02  # between two requests of a client
_MAX_WAIT = 1.0  # before a failed request is repeated; real ones wait longer


class Client(threading.Thread):
    """One client with a name, which stops when the drill ends."""

    def __init__(self, name: str, site: Site, journal: Journal, stopping: threading.Event, users: Users) -> None:
        super().__init__(name=name, daemon=True)
        self.site, self.journal, self.stopping, self.users = site, journal, stopping, users
        self.session = self.sign_in_with()

    def sign_in_with(self) -> requests.Session:
        """Return the session that requests are sent with."""
        return self.site.client()

    def ask(self, method: str, url: str, **options: Any) -> requests.Response | None:
        """Send a request, and count it; return None if there was no response."""
        time.sleep(_PAUSE)
        try:
            response = self.session.request(method, url, timeout=_TIMEOUT, allow_redirects=False, **options)
        except requests.RequestException as error:
            self.journal.count(self.kind, type(error).__name__)
            return None
        self.journal.count(self.kind, str(response.status_code))
        return response

    @property
    def kind(self) -> str:
        """The name without its number."""
        return self.name.partition(" ")[0]

    def wait(self, response: requests.Response | None) -> None:
        """Wait as the response asks, but not for long."""
        wanted = response.headers.get("Retry-After", "") if response is not None else ""
        time.sleep(min(float(wanted) if wanted.isdigit() else 0.3, _MAX_WAIT))

    def note(
        self,
        endpoint: str,
        key: str,
        attribute: str,
        value: Any,
        *,
        is_acknowledged: bool,
        response: requests.Response | None = None,
    ) -> None:
        """Write a line of the journal."""
        request = response.headers.get("X-Request-ID", "") if response is not None else ""
        self.journal.write(
            {
                "endpoint": endpoint,
                "key": key,
                "attribute": attribute,
                "value": value,
                "is_acknowledged": is_acknowledged,
                "request_id": request,
            }
        )


class IdentityProvider(Client):
    """Creates people and groups and changes them. It repeats what failed, and looks first whether it was done all the same."""

    def sign_in_with(self) -> requests.Session:
        """Return a session with the connection's token."""
        return self.site.client(token=self.site.scim_token)

    def run(self) -> None:
        """Provision until told to stop."""
        for number in count():
            if self.stopping.is_set():
                return
            key = f"{self.name.replace(' ', '-')}-{number}"
            address = f"{key}@acme.example"
            email = {"value": address, "type": "work", "primary": True}
            user = self.create("Users", {"externalId": key, "userName": address, "emails": [email]})
            for change in range(_CHANGES):
                self.change("Users", user, "displayName", f"{key} v{change}")
            if number % 5 == 4:
                self.change("Users", user, "active", value=False)
            elif user and number % 5 == 0:
                self.users.put((user, address))
            if number % 3 == 0:
                group = self.create("Groups", {"externalId": key, "displayName": key, "members": [{"value": user}]})
                self.change("Groups", group, "displayName", f"{key} renamed")

    def create(self, endpoint: str, body: Mapping[str, Any]) -> str:
        """Create a resource, once, and return its id; "" if told to stop before."""
        name = body["externalId"]
        self.note(endpoint, name, "create", None, is_acknowledged=False)
        for attempt in count():
            if self.stopping.is_set():
                return ""
            # Nothing says whether the request before was done.
            if attempt and (found := self.look_up(endpoint, name)):
                self.note(endpoint, name, "create", found, is_acknowledged=True)
                return found
            response = self.ask("POST", f"{self.site.scim_base_url}/{endpoint}", json=dict(body))
            if response is not None and response.status_code == 201:
                self.note(endpoint, name, "create", response.json()["id"], is_acknowledged=True, response=response)
                return str(response.json()["id"])
            if response is not None and response.status_code < 429 and not (attempt and response.status_code == 409):
                self.journal.report_wrong(f"POST {endpoint} {response.status_code} {response.text[:200]}")
            self.wait(response)
        raise AssertionError

    def look_up(self, endpoint: str, external_id: str) -> str:
        """Return the id of the resource with an externalId, or ""."""
        wanted = {"filter": f'externalId eq "{external_id}"', "excludedAttributes": "members"}
        response = self.ask("GET", f"{self.site.scim_base_url}/{endpoint}", params=wanted)
        found = response.json()["Resources"] if response is not None and response.status_code == 200 else []
        if len(found) > 1:
            self.journal.report_wrong(f"{endpoint} has {external_id} {len(found)} times")
        return str(found[0]["id"]) if found else ""

    def change(self, endpoint: str, key: str, attribute: str, value: Any) -> None:
        """Set an attribute, repeat until it is acknowledged, and read it."""
        url = f"{self.site.scim_base_url}/{endpoint}/{key}"
        operation = {"op": "replace", "path": attribute, "value": value}
        self.note(endpoint, key, attribute, value, is_acknowledged=False)
        while key and not self.stopping.is_set():
            response = self.ask("PATCH", url, json={"schemas": [_PATCH], "Operations": [operation]})
            if response is not None and response.ok:
                self.note(endpoint, key, attribute, value, is_acknowledged=True, response=response)
                self.check(url, attribute, value)
                return
            if response is not None and response.status_code < 429:
                self.journal.report_wrong(f"PATCH {endpoint}/{key} {response.status_code} {response.text[:200]}")
                return
            self.wait(response)

    def check(self, url: str, attribute: str, value: Any) -> None:
        """Read what was acknowledged."""
        read = self.ask("GET", url, params={"attributes": attribute})
        if read is not None and read.status_code < 429 and read.json().get(attribute) != value:
            self.journal.report_wrong(f"GET {url} {read.status_code} {read.text[:200]} without {value}")


class Browser(Client):
    """A member of the organization in one session."""

    def run(self) -> None:
        """Use the portal until told to stop."""
        while not self.sign_in() and not self.stopping.is_set():
            time.sleep(_MAX_WAIT)
        while not self.stopping.is_set():
            self.look()

    def look(self) -> None:
        """Open a page, or do what is done on one."""
        raise NotImplementedError

    def sign_in(self) -> bool:
        """Sign in by password, and say whether that succeeded."""
        url = f"{self.site.url}/o/acme/sign-in/"
        page = self.ask("GET", url)
        form = {"csrfmiddlewaretoken": form_token(page), "email_address": "ada@acme.example", "password": PASSWORD}
        response = self.ask("POST", url, data=form, headers={"Referer": url}) if form_token(page) else None
        return response is not None and response.status_code == 303

    def is_page(self, response: requests.Response | None) -> bool:
        """Say whether it's the page that was asked for. If the session has ended, report it and sign in again."""
        if response is not None and response.status_code == 200:
            return True
        # After a few minutes the portal asks for the password again before some pages.
        is_confirmation = response is not None and "/confirm/" in response.headers.get("Location", "")
        if response is not None and response.status_code < 429 and not is_confirmation:
            self.journal.report_wrong(f"{self.kind}: {response.status_code} {response.headers.get('Location', '')}")
        if response is not None and response.status_code < 429:
            self.sign_in()
        self.wait(response)
        return False


class Reader(Browser):
    """Looks at the groups page, again and again."""

    def look(self) -> None:
        """Open the page."""
        response = self.ask("GET", f"{self.site.url}/o/acme/scim/groups/")
        if self.is_page(response) and response is not None and 'id="groups"' not in response.text:
            self.journal.report_wrong("the groups page has no list of groups")


class Admin(Browser):
    """Has the portal email people a link to sign in, once each. A worker sends the email."""

    def look(self) -> None:
        """Send the next person a link. Nothing is repeated, so that no one is sent two."""
        try:
            key, email_address = self.users.get(timeout=_MAX_WAIT)
        except Empty:
            return
        url = f"{self.site.url}/o/acme/scim/people/{key}/sign-in-link/"
        page = self.ask("GET", url)
        if not self.is_page(page) or not form_token(page):
            return
        self.note("Emails", email_address, "sent", True, is_acknowledged=False)
        response = self.ask("POST", url, data={"csrfmiddlewaretoken": form_token(page)}, headers={"Referer": url})
        if response is not None and response.status_code == 303:
            self.note("Emails", email_address, "sent", True, is_acknowledged=True, response=response)


def form_token(page: requests.Response | None) -> str:
    """Return the token of the form on a page, or ""."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text) if page is not None else None
    return found[1] if found else ""


class Backend(Client):
    """A product's backend, which reads the organization and its roles."""

    def run(self) -> None:
        """Read until told to stop."""
        self.session.auth = self.site.project
        while not self.stopping.is_set():
            response = self.ask("GET", f"{self.site.url}/v1/b2b/organizations/acme")
            if response is not None and response.status_code == 200:
                if response.json()["organization"]["organization_slug"] != "acme":
                    self.journal.report_wrong("another organization")
            else:
                self.wait(response)
