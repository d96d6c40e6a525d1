"""The host's script and the frame's, against each other: in a browser, with a product and a frame of two sites."""

import gzip
import re
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Frame, Page, expect

from tests.browser.embedding_pages import Pages, served
from tests.conftest import JAVASCRIPT
from tests.servers import ROOT

pytestmark = pytest.mark.browser

SCRIPT = ROOT / "static/embed/gatehouse.js"
# Mounts a frame in #first, and keeps what is asked for and what happens. `tickets` says what fetchTicket does.
MOUNT = """([portal, options, place]) => {
    const seen = window[place] = { asked: [], events: [], tickets: [] };
    seen.handle = Gatehouse.mount(document.getElementById(place), {
        fetchTicket: async (request) => {
            seen.asked.push(request);
            const next = seen.tickets.shift();
            if (next === "throw") throw new Error("no network");
            if (next === null) return null;
            return { ticket: `ticket-${seen.asked.length}`, url: `${portal}/o/${options.organization ?? "acme"}/embed/` };
        },
        onEvent: ({ cause, ...event }) => seen.events.push(event),
        ...options,
    });
}"""


@pytest.fixture
def pages() -> Iterator[Pages]:
    with served(Pages()) as pages:
        yield pages


@pytest.fixture
def mount(page: Page, pages: Pages) -> Callable[..., Frame | None]:
    """Open the product's page and mount a frame; return it once it's ready."""

    def mount(place: str = "first", *, is_ready: bool = True, **options: object) -> Frame | None:
        if page.url == "about:blank":
            page.goto(pages.host)
        page.evaluate(MOUNT, [pages.portal, options, place])
        if not is_ready:
            return None
        wait_for(page, "ready", place=place)
        return framed(page, place)

    return mount


def framed(page: Page, place: str = "first") -> Frame:
    element = page.query_selector(f"#{place} iframe")
    frame = element and element.content_frame()
    assert frame
    return frame


def events(page: Page, kind: str = "", place: str = "first") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("place => window[place].events", place)
    return [event for event in found if event["type"] == kind or not kind]


def wait_for(page: Page, kind: str, count: int = 1, place: str = "first") -> dict[str, Any]:
    """Return the last event of a kind, once there are so many."""
    page.wait_for_function(
        "([kind, count, place]) => window[place].events.filter(({ type }) => type === kind).length >= count",
        arg=[kind, count, place],
        polling=20,
    )
    return events(page, kind, place)[-1]


def reasons(page: Page) -> list[str]:
    found: list[str] = page.evaluate("first.asked.map(({ reason }) => reason)")
    return found


def test_the_host_script_is_small_and_needs_nothing_else() -> None:
    source = SCRIPT.read_text()

    assert len(gzip.compress(SCRIPT.read_bytes(), 6)) <= 6 * 1024
    assert not re.search(r"\bimport\b|\brequire\(|\beval\(|new Function|innerHTML|https?://", source)


def test_the_types_name_every_event_and_every_error() -> None:
    source, types = SCRIPT.read_text(), SCRIPT.with_suffix(".d.ts").read_text()
    messages = source.partition("const MESSAGES = {")[2].partition("};")[0]

    assert set(re.findall(r'^  type: "([\w-]+)"', types, re.MULTILINE)) == set(
        re.findall(r'^    "?([\w-]+)"?:', messages, re.MULTILINE)
    )
    codes = types.partition("HostErrorEvent {")[2].partition("status: 0;")[0]
    assert set(re.findall(r'\| "([\w-]+)"', codes)) == set(re.findall(r'fail\(\s*"([\w-]+)"', source))


def test_a_ticket_is_posted_into_the_frame_under_a_strict_policy(page: Page, pages: Pages, mount: Any) -> None:
    pages.policy = f"default-src 'none'; script-src 'self'; frame-src {pages.portal}; form-action {pages.portal}"
    mount(area="scim", theme="dark", locale="de", path="scim/", title="Directory")

    (entry,) = pages.entries
    assert (entry.path, entry.query, entry.ticket) == ("/o/acme/embed/", "", "ticket-1")
    assert (entry.origin, entry.destination) == (pages.host, "iframe")
    assert page.evaluate("first.asked") == [
        {"reason": "start", "area": "scim", "theme": "dark", "locale": "de", "path": "scim/"}
    ]
    frame = page.locator("#first iframe").first
    assert frame.get_attribute("title") == "Directory"
    assert frame.get_attribute("allow") == "clipboard-write"
    assert set((frame.get_attribute("sandbox") or "").split()) == {
        *("allow-scripts", "allow-forms", "allow-same-origin", "allow-downloads"),
        *("allow-popups", "allow-popups-to-escape-sandbox"),
    }
    ready = {"area": "scim", "path": "scim/groups/?q=x", "title": "scim/groups/?q=x"}
    assert events(page)[:2] == [{"type": "ready", **ready}, {"type": "navigated", **ready}]


@pytest.mark.parametrize("policy", ["no-referrer", "same-origin"])
def test_the_origin_is_sent_under_each_referrer_policy(page: Page, pages: Pages, mount: Any, policy: str) -> None:
    pages.referrer_policy = policy
    mount()

    assert pages.entries[0].origin == pages.host


def test_the_frame_is_as_high_as_its_content(page: Page, pages: Pages, mount: Any) -> None:
    frame = mount()
    # A body that is at least as high as the frame doesn't keep the frame from shrinking.
    frame.evaluate("document.getElementById('main').innerHTML = '<div style=\"height:1234px\"></div>'")
    expect(page.locator("#first iframe").first).to_have_css("height", "1234px")
    frame.evaluate("document.querySelector('#main div').style.height = '50000px'")
    expect(page.locator("#first iframe").first).to_have_css("height", "20000px")
    frame.evaluate("document.querySelector('#main div').style.height = '300px'")
    expect(page.locator("#first iframe").first).to_have_css("height", "300px")

    heights = [event["height"] for event in events(page, "height")]
    assert heights == [*dict.fromkeys(heights)]


def test_content_as_high_as_the_frame_does_not_grow_forever(page: Page, pages: Pages, mount: Any) -> None:
    pages.content = '<div style="height:calc(100vh + 10px)"></div>'
    mount()
    page.wait_for_timeout(600)

    assert len(events(page, "height")) < 12


SPOOFED = '{ gatehouse: 1, type: "session-expired" }'


def test_messages_of_other_windows_are_ignored_by_the_page(page: Page, pages: Pages, mount: Any) -> None:
    frame = mount()
    wait_for(page, "height")
    before = events(page)
    # From the page itself; from another frame of the portal's origin; from the frame when it shows another origin.
    page.evaluate(f"postMessage({SPOOFED}, '*')")
    page.evaluate(
        """async (url) => {
            const other = document.createElement("iframe");
            other.src = url;
            const loaded = new Promise((resolve) => (other.onload = resolve));
            document.body.append(other);
            await loaded;
        }""",
        f"{pages.portal}/embedded.js",
    )
    other = next(one for one in page.frames if one.url.endswith("/embedded.js"))
    other.evaluate(f"parent.postMessage({SPOOFED}, '*')")
    frame.evaluate("url => setTimeout(() => location.assign(url))", f"{pages.host}/gatehouse.js")
    page.wait_for_function(
        "() => { try { return frames[0].location.pathname === '/gatehouse.js' } catch { return false } }"
    )
    framed(page).evaluate(f"parent.postMessage({SPOOFED}, '*')")
    page.wait_for_timeout(200)

    assert events(page) == before
    assert reasons(page) == ["start"]


@pytest.mark.parametrize(
    "message",
    [
        '"session-expired"',
        "null",
        '{ type: "session-expired" }',
        '{ gatehouse: 2, type: "session-expired" }',
        '{ gatehouse: 1, type: "constructor" }',
        '{ gatehouse: 1, type: "unknown" }',
        '{ gatehouse: 1, type: "height", height: "900" }',
        '{ gatehouse: 1, type: "height", height: -1 }',
        '{ gatehouse: 1, type: "height", height: Infinity }',
        '{ gatehouse: 1, type: "navigated", area: "scim", path: 1, title: "" }',
    ],
)
def test_messages_of_another_shape_are_ignored(page: Page, mount: Any, message: str) -> None:
    frame = mount()
    wait_for(page, "height")
    before = events(page)
    frame.evaluate(f"parent.postMessage({message}, '*')")
    page.wait_for_timeout(100)

    assert events(page) == before


def test_the_frame_ignores_messages_of_other_windows(page: Page, pages: Pages, mount: Any) -> None:
    frame = mount()
    # A frame of another origin, and one of the product's own origin, neither of which is the parent.
    page.evaluate("document.body.append(document.createElement('iframe'))")
    sibling = page.frames[-1]
    sibling.evaluate("parent.frames[0].postMessage({ gatehouse: 1, type: 'theme', mode: 'dark' }, '*')")
    frame.evaluate("postMessage({ gatehouse: 1, type: 'theme', mode: 'dark' }, '*')")
    page.wait_for_timeout(200)
    assert frame.evaluate("document.documentElement.dataset.theme") is None

    page.evaluate("first.handle.setTheme('dark')")
    frame.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.evaluate("first.handle.setTheme('purple')")
    page.evaluate("first.handle.setTheme('auto')")
    frame.wait_for_function("document.documentElement.dataset.theme === undefined")


def test_the_frame_sends_nothing_to_another_parent(page: Page, pages: Pages) -> None:
    page.goto(pages.host.replace("127.0.0.1", "localhost"))
    page.evaluate(
        "window.first = { events: [] }; addEventListener('message', (event) => first.events.push(event.data))"
    )
    page.evaluate(
        "url => document.body.append(Object.assign(document.createElement('iframe'), { src: url }))",
        f"{pages.portal}/o/acme/scim/",
    )
    page.frames[-1].wait_for_load_state()
    page.wait_for_timeout(200)

    assert page.evaluate("first.events") == []


def test_the_frames_script_does_nothing_at_top_level(page: Page, pages: Pages) -> None:
    pages.attributes = 'data-ends-in="1" data-idle-seconds="1"'
    page.goto(f"{pages.portal}/o/acme/scim/")
    page.wait_for_timeout(300)

    assert pages.checks == 0


def test_go_leads_to_paths_of_the_organization_only(page: Page, pages: Pages, mount: Any) -> None:
    frame = mount()
    for path in (
        *("../globex/", "/o/globex/", "https://evil.example/", "//evil.example/o/acme/"),
        *("javascript:document.title='x'", "data:text/html,x", "\\\\evil.example\\o\\acme\\", "..\\globex\\"),
    ):
        page.evaluate("path => first.handle.go(path)", path)
    page.wait_for_timeout(200)
    assert frame.url == f"{pages.portal}/o/acme/scim/groups/?q=x"

    page.evaluate("first.handle.go('members/?q=y')")
    assert wait_for(page, "ready", 2)["path"] == "members/?q=y"
    assert wait_for(page, "navigated", 2)["path"] == "members/?q=y"


def test_go_waits_until_the_frame_is_ready(page: Page, pages: Pages, mount: Any) -> None:
    mount(is_ready=False)
    page.evaluate("first.handle.go('members/')")

    assert wait_for(page, "ready", 2)["path"] == "members/"


def test_what_was_saved_is_reported(page: Page, mount: Any) -> None:
    frame = mount()
    frame.evaluate(
        """() => {
            const toast = document.createElement("div");
            toast.innerHTML = `<div class="toast toast-success"><span data-message> Roles saved. </span></div>`;
            document.getElementById("toasts").append(toast);
        }"""
    )
    saved = {"area": "scim", "path": "scim/groups/?q=x", "message": "Roles saved."}
    assert wait_for(page, "saved") == {"type": "saved", **saved}
    frame.evaluate("document.getElementById('toasts').append(document.createElement('div'))")
    page.wait_for_timeout(100)
    assert len(events(page, "saved")) == 1


def test_a_page_that_asks_for_a_second_proof_is_reported(page: Page, pages: Pages, mount: Any) -> None:
    pages.attributes += " data-step-up"
    mount()

    assert wait_for(page, "step-up-needed") == {"type": "step-up-needed", "path": "scim/groups/?q=x"}


def test_the_page_that_leads_to_the_portal_itself_is_where_it_leads_back(page: Page, pages: Pages, mount: Any) -> None:
    pages.content = "<p data-step-up>Continue in a new tab</p>"
    mount()
    page.evaluate("first.handle.go('embed/continue/?area=scim&next=/o/acme/scim/token/&back=/o/acme/scim/%3Fq=y')")

    assert wait_for(page, "ready", 2)["path"] == "scim/?q=y"
    assert wait_for(page, "step-up-needed", 2)["path"] == "scim/token/"


def test_a_page_that_failed_is_reported(page: Page, pages: Pages, mount: Any, expected_errors: list[str]) -> None:
    expected_errors += ["404"]
    pages.content, pages.status = "<h1>Page not found</h1><p class=request-id>Request ID <code>r-1</code></p>", 404
    mount()

    error = {"code": "page-error", "status": 404, "title": "Page not found", "requestId": "r-1"}
    assert wait_for(page, "error") == {"type": "error", **error}


@pytest.mark.parametrize("problem", ["ticket-rejected", "cookies-blocked"])
def test_a_problem_at_entry_is_reported(
    page: Page, pages: Pages, mount: Any, problem: str, expected_errors: list[str]
) -> None:
    expected_errors += ["401"]
    pages.status = 401
    pages.attributes, pages.content = f'data-embed-problem="{problem}"', "<h1>This page didn’t open</h1>"
    mount(is_ready=False)

    error = {"code": problem, "status": 401, "title": "This page didn’t open", "requestId": ""}
    assert wait_for(page, "error") == {"type": "error", **error}
    assert [event["type"] for event in events(page)] == ["error"]


def test_a_session_is_renewed_before_its_limit_without_a_reload(page: Page, pages: Pages, mount: Any) -> None:
    pages.attributes = 'data-ends-in="61" data-idle-seconds="900"'
    pages.session = {"ends_in": 55.0, "idle_ends_in": 900.0}
    frame = mount()
    frame.evaluate("window.isTheSame = true")
    expiring = wait_for(page, "session-expiring")
    assert (expiring["reason"], expiring["seconds"]) == ("limit", 60)
    # The first check comes before the renewal has arrived.
    wait_for(page, "session-renewed")
    pages.session = {"ends_in": 3600.0, "idle_ends_in": 900.0}
    page.wait_for_function("first.events.some(({ seconds }) => seconds === 900)")

    assert [(entry.path, entry.ticket) for entry in pages.entries] == [
        ("/o/acme/embed/", "ticket-1"),
        ("/o/acme/embed/renew/", "ticket-2"),
    ]
    assert pages.entries[1].origin == pages.host
    assert reasons(page) == ["start", "expiring"]
    assert page.evaluate("first.asked[1].path") == "scim/groups/?q=x"
    assert frame.evaluate("window.isTheSame")
    assert events(page, "error") == []


def test_an_unused_session_is_not_renewed_until_someone_is_active(page: Page, pages: Pages, mount: Any) -> None:
    pages.attributes = 'data-ends-in="3600" data-idle-seconds="60"'
    mount()
    expiring = wait_for(page, "session-expiring")
    assert (expiring["reason"], expiring["active"]) == ("idle", False)
    page.wait_for_timeout(200)
    assert reasons(page) == ["start"]

    page.mouse.click(5, 5)
    wait_for(page, "session-renewed")
    assert reasons(page) == ["start", "expiring"]


def test_an_unused_session_that_ended_is_started_again_once_someone_is_active(
    page: Page, pages: Pages, mount: Any, expected_errors: list[str]
) -> None:
    expected_errors += ["401"]
    page.clock.install()
    pages.attributes = 'data-ends-in="3600" data-idle-seconds="60"'
    mount()
    wait_for(page, "session-expiring")
    pages.session = None
    page.clock.fast_forward(62_000)
    wait_for(page, "session-expired")
    page.wait_for_timeout(200)
    assert reasons(page) == ["start"]

    page.mouse.click(5, 5)
    wait_for(page, "ready", 2)
    assert reasons(page) == ["start", "expired"]


def test_the_next_page_begins_at_its_top(page: Page, pages: Pages, mount: Any) -> None:
    pages.content = '<div style="height:3000px"></div>'
    frame = mount()
    frame.wait_for_function("innerHeight === 3000")
    page.evaluate("scrollTo(0, 2000)")
    page.evaluate("first.handle.go('members/')")
    wait_for(page, "ready", 2)

    page.wait_for_function("scrollY < 200")


def test_typing_in_the_frame_renews_an_unused_session(page: Page, pages: Pages, mount: Any) -> None:
    pages.attributes = 'data-ends-in="3600" data-idle-seconds="60"'
    pages.content = "<input aria-label=Name>"
    frame = mount()
    wait_for(page, "session-expiring")
    frame.get_by_label("Name").press("x")

    assert wait_for(page, "session-expiring", 2)["active"]
    wait_for(page, "session-renewed")
    assert frame.get_by_label("Name").input_value() == "x"


def test_a_rejected_renewal_leaves_the_page_and_is_reported(
    page: Page, pages: Pages, mount: Any, expected_errors: list[str]
) -> None:
    expected_errors += ["403"]
    pages.attributes = 'data-ends-in="60" data-idle-seconds="900"'
    pages.session = {"ends_in": 50.0, "idle_ends_in": 900.0}
    pages.renewal_status = 403
    frame = mount()

    assert wait_for(page, "error")["code"] == "not-renewed"
    assert frame.locator("main").inner_text() == "Groups"


def test_an_ended_session_is_started_again_where_it_was(page: Page, pages: Pages, mount: Any) -> None:
    page.clock.install()
    mount()
    page.evaluate("first.handle.go('scim/people/')")
    wait_for(page, "ready", 2)
    page.clock.fast_forward(20_000)
    pages.session = None
    framed(page).evaluate("parent.postMessage({ gatehouse: 1, type: 'session-expired' }, '*')")
    wait_for(page, "ready", 3)

    assert page.evaluate("first.asked[1]")["reason"] == "expired"
    assert page.evaluate("first.asked[1]")["path"] == "scim/people/"
    assert [entry.path for entry in pages.entries] == ["/o/acme/embed/"] * 2


def test_a_session_that_cannot_start_is_not_started_in_a_loop(page: Page, pages: Pages, mount: Any) -> None:
    pages.attributes = "data-embed-ended"
    mount(is_ready=False)

    assert wait_for(page, "error")["code"] == "session-lost"
    assert reasons(page) == ["start"]


def test_a_product_can_let_a_session_end(page: Page, pages: Pages, mount: Any) -> None:
    page.clock.install()
    frame = mount()
    page.clock.fast_forward(20_000)
    page.evaluate("first.tickets = [null]")
    for _ in range(2):
        frame.evaluate("parent.postMessage({ gatehouse: 1, type: 'session-expired' }, '*')")
    wait_for(page, "session-expired", 2)

    assert reasons(page) == ["start", "expired"]
    # Until it asks for another one.
    page.evaluate("first.handle.renew()")
    wait_for(page, "ready", 2)


def test_the_check_of_an_ended_session_is_reported(
    page: Page, pages: Pages, mount: Any, expected_errors: list[str]
) -> None:
    expected_errors += ["401"]
    pages.session = None
    frame = mount()
    page.evaluate("first.tickets = [null]")
    page.evaluate("frames[0].postMessage({ gatehouse: 1, type: 'check-session' }, '*')")

    wait_for(page, "session-expired")
    assert pages.checks == 1
    assert frame.locator("main").inner_text() == "Groups"


def test_fetching_a_ticket_is_tried_again(page: Page, pages: Pages, mount: Any) -> None:
    page.clock.install()
    page.goto(pages.host)
    page.evaluate(MOUNT.replace("tickets: []", 'tickets: ["throw", "throw"]'), [pages.portal, {}, "first"])
    for count in (1, 2):
        error = wait_for(page, "error", count)
        assert (error["code"], error["isRetrying"]) == ("ticket-failed", True)
        page.clock.fast_forward(5000)
    wait_for(page, "ready")

    assert reasons(page) == ["start"] * 3


def test_a_blocked_frame_is_reported(page: Page, pages: Pages, mount: Any, expected_errors: list[str]) -> None:
    expected_errors += ["frame-ancestors", "chromewebdata"]
    page.clock.install()
    pages.frame_ancestors = "https://other.example"
    mount(is_ready=False)
    page.wait_for_timeout(300)
    page.clock.fast_forward(15_000)

    assert wait_for(page, "error")["code"] == "not-ready"


@pytest.mark.parametrize("directive", ["frame-src", "form-action"])
def test_the_hosts_own_policy_is_named(
    page: Page, pages: Pages, mount: Any, directive: str, expected_errors: list[str]
) -> None:
    expected_errors += [directive, "chromewebdata"]
    pages.policy = f"{directive} 'self'"
    mount(is_ready=False)

    error = wait_for(page, "error")
    assert error["code"] == "blocked-by-your-policy"
    assert f"add {pages.portal} to {directive}" in error["title"]


def test_two_frames_do_not_disturb_each_other(page: Page, pages: Pages, mount: Any) -> None:
    mount()
    second = mount("second", organization="globex")
    page.evaluate("second.handle.go('members/')")
    wait_for(page, "ready", 2, place="second")
    page.evaluate("second.handle.setTheme('dark')")
    framed(page, "second").wait_for_function("document.documentElement.dataset.theme === 'dark'")

    assert second
    assert framed(page, "second").url == f"{pages.portal}/o/globex/members/"
    assert framed(page).url == f"{pages.portal}/o/acme/scim/groups/?q=x"
    assert framed(page).evaluate("document.documentElement.dataset.theme") is None
    assert len(events(page, "ready")) == 1
    page.evaluate("second.handle.unmount()")
    page.evaluate("first.handle.go('members/')")
    wait_for(page, "ready", 2)


def test_unmounting_leaves_nothing(page: Page, pages: Pages, mount: Any) -> None:
    mount()
    page.evaluate("first.handle.unmount()")

    assert page.locator("iframe").count() == 0
    assert page.locator("#first").inner_html() == ""
    before = events(page)
    page.evaluate("first.handle.go('members/'); first.handle.setTheme('dark')")
    assert page.evaluate("first.handle.renew()") is False
    page.wait_for_timeout(100)
    assert events(page) == before


@pytest.fixture(scope="session")
def react_script(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The component of docs/embed.md, bundled as products do, and `show(area)`, which renders it or nothing."""
    program = """
        import { StrictMode, createElement } from "react";
        import { createRoot } from "react-dom/client";
        import { Directory } from "./embed-react";
        const root = createRoot(document.getElementById("first"));
        globalThis.show = (area) => root.render(area && createElement(StrictMode, null, createElement(Directory, { area })));
    """
    built = tmp_path_factory.mktemp("react") / "product.js"
    command = ["node_modules/.bin/esbuild", "--bundle", "--jsx=automatic", "--log-level=warning", f"--outfile={built}"]
    subprocess.run(command, input=program, text=True, cwd=JAVASCRIPT, check=True, timeout=60)
    return built.read_text()


@pytest.mark.node
def test_a_component_in_react_mounts_and_unmounts(page: Page, pages: Pages, react_script: str) -> None:
    page.goto(pages.host)
    page.evaluate(react_script)
    page.evaluate("show('scim')")
    expect(page.frame_locator("#first iframe").first.get_by_text("Groups")).to_be_visible()
    # In strict mode, React mounts each component twice in development.
    assert page.locator("#first iframe:visible").count() == 1

    page.evaluate("show('members')")
    expect(page.frame_locator("#first iframe").first.get_by_text("Groups")).to_be_visible()
    assert page.locator("#first iframe:visible").count() == 1
    page.evaluate("show(null)")
    expect(page.locator("iframe")).to_have_count(0)


def test_it_is_an_es_module_too(page: Page, pages: Pages) -> None:
    page.goto(pages.host)

    assert page.evaluate("async (url) => Object.keys(await import(url))", f"{pages.portal}/gatehouse.mjs") == [
        "mount",
        "version",
    ]
