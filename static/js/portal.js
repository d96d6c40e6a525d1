/* What scripts add to pages that work without them: copying, closing messages, focus after loading, retry, and polling. */
"use strict";

(() => {
  const COPIED_MS = 2500;
  const UNREACHABLE = "The portal could not be reached. Check your connection, then try again.";
  const TOO_SLOW = "The portal took too long to answer. Try again in a moment.";
  const NOT_UNDERSTOOD = "The answer was not understood. Something between you and the portal may have replaced it.";

  const byId = (id) => document.getElementById(id);

  const announce = (text) => {
    const place = byId("announcements");
    // The same text twice is announced twice only if it went away in between.
    place.textContent = "";
    setTimeout(() => (place.textContent = text), 50);
  };

  // --- Buttons that need scripts ---------------------------------------------------------------------------------

  const reveal = (root) => {
    for (const button of root.querySelectorAll("[data-copy][hidden], [data-dismiss][hidden]")) button.hidden = false;
  };

  const selectAll = (source) => {
    if (source instanceof HTMLInputElement || source instanceof HTMLTextAreaElement) {
      source.focus();
      source.select();
    } else {
      getSelection().selectAllChildren(source);
    }
  };

  const write = async (source) => {
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
      return true;
    } catch {
      // Refused, or plain http: the old way, which copies what is selected.
      selectAll(source);
      return document.execCommand("copy");
    }
  };

  const copy = async (button) => {
    const source = document.querySelector(button.dataset.copy);
    const active = document.activeElement;
    if (!(await write(source))) {
      selectAll(source);
      announce("Not copied by the browser. The text is selected: copy it with the keyboard.");
      return;
    }
    active?.focus();
    button.dataset.copied = "";
    announce("Copied");
    setTimeout(() => delete button.dataset.copied, COPIED_MS);
  };

  const dismiss = (button) => {
    const message = button.closest(".toast-message");
    const next = [...document.querySelectorAll("[data-dismiss]")].find((other) => other !== button);
    message.remove();
    (next ?? byId("main")).focus({ preventScroll: true });
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-dismiss]");
    if (button?.dataset.copy) copy(button);
    else if (button) dismiss(button);
  });

  // --- Loading -----------------------------------------------------------------------------------------------------

  // Each request: the place where its failure is explained. Kept, because what asked may be replaced by the answer.
  const places = new WeakMap();

  const placeFor = (element) => {
    const section = element.closest("[data-error-target]");
    return (section && document.querySelector(section.dataset.errorTarget)) ?? byId("page-error");
  };

  const focusOn = (element) => {
    if (!element) return;
    if (!element.matches("a[href], button, input, select, textarea, [tabindex]")) element.tabIndex = -1;
    element.focus();
  };

  // Where the focus goes if a notice that had it is gone and nothing that was loaded took it.
  let bereft = null;

  const clear = (place) => {
    if (place.contains(document.activeElement)) bereft = place.closest("[data-error-target]") ?? byId("main");
    place.replaceChildren();
  };

  const ownNotice = (text, requestId) => {
    const notice = byId("no-answer").content.firstElementChild.cloneNode(true);
    notice.querySelector("[data-text]").textContent = text;
    notice.querySelector(".request-id").hidden = !requestId;
    notice.querySelector(".request-id code").textContent = requestId;
    return notice;
  };

  // The notice that the portal answered with, taken out of the answer as parsed, inert HTML.
  const answeredNotice = (xhr) => {
    if (!xhr.getResponseHeader("X-Request-ID") || !xhr.getResponseHeader("Content-Type")?.startsWith("text/html")) return null;
    return new DOMParser().parseFromString(xhr.responseText, "text/html").querySelector(".notice");
  };

  const explain = (event, fallback) => {
    const { xhr, requestConfig } = event.detail;
    const place = places.get(xhr) ?? byId("page-error");
    const notice = answeredNotice(xhr) ?? ownNotice(fallback, xhr.getResponseHeader("X-Request-ID") ?? "");
    // The place itself is the alert.
    notice.removeAttribute("role");
    notice.querySelector("[data-retry]")?.addEventListener("click", (click) => {
      click.preventDefault();
      htmx.ajax(requestConfig.verb, requestConfig.path, { source: requestConfig.elt, event: requestConfig.triggeringEvent });
    });
    const hadFocus = place.contains(document.activeElement);
    place.replaceChildren(notice);
    place.scrollIntoView({ block: "nearest" });
    if (hadFocus) focusOn(notice.querySelector("[data-retry]") ?? notice);
  };

  document.addEventListener("htmx:beforeSend", (event) => places.set(event.detail.xhr, placeFor(event.detail.elt)));
  document.addEventListener("htmx:responseError", (event) => explain(event, NOT_UNDERSTOOD));
  document.addEventListener("htmx:sendError", (event) => explain(event, UNREACHABLE));
  document.addEventListener("htmx:timeout", (event) => explain(event, TOO_SLOW));
  document.addEventListener("htmx:afterRequest", (event) => {
    const place = places.get(event.detail.xhr);
    if (event.detail.successful && place) clear(place);
  });

  // --- Polling -----------------------------------------------------------------------------------------------------

  const POLL_FIRST_MS = 3000;
  const POLL_SLOWER = 1.3;
  const POLL_MOST_MS = 60_000;
  // A page that nobody looks at any more must not keep its session alive for ever.
  const POLL_END_MS = 3_600_000;

  /* Asks again and again through a link, ever more rarely while nothing is new: what is new brings a link of its own.
     Not while the tab is hidden, and not after a failure, which is explained with a way to go on. */
  const poll = (link) => {
    let wait = POLL_FIRST_MS;
    let waited = 0;
    let timer = null;
    const ask = () => {
      if (document.hidden) document.addEventListener("visibilitychange", ask, { once: true });
      else if (link.isConnected) htmx.trigger(link, "poll");
    };
    const askLater = () => {
      clearTimeout(timer);
      if (waited >= POLL_END_MS) return;
      timer = setTimeout(ask, wait);
      waited += wait;
      wait = Math.min(wait * POLL_SLOWER, POLL_MOST_MS);
    };
    link.addEventListener("htmx:afterRequest", (event) => event.detail.successful && askLater());
    askLater();
  };

  const pollWithin = (root) => root.querySelectorAll("[data-poll]").forEach(poll);

  document.addEventListener("htmx:load", (event) => {
    const loaded = event.detail.elt;
    // The page itself is announced as loaded, too; there the browser decides where the focus is.
    if (loaded === document.body) return;
    reveal(loaded.parentElement ?? loaded);
    pollWithin(loaded);
    // What had the focus is still there: HTMX keeps it on what bears the same id.
    if (document.activeElement !== document.body) return;
    const mark = "[data-focus-after-load]";
    focusOn(loaded.matches(mark) ? loaded : loaded.querySelector(mark));
  });

  document.addEventListener("htmx:afterSettle", () => {
    if (document.activeElement === document.body) focusOn(bereft);
    bereft = null;
  });

  // --- Forms that make a secret, and the page that shows it --------------------------------------------------------

  // A second press would take the answer to the first away, with the secret in it.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-submit-once]")) return;
    if (form.dataset.submitted !== undefined) event.preventDefault();
    form.dataset.submitted = "";
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("[data-submitted]")) delete form.dataset.submitted;
  });

  // Reloading or coming back shall not send the form again: it leads to the page that says how things are.
  const answer = document.querySelector("[data-address]");
  if (answer) history.replaceState(null, "", answer.dataset.address);

  reveal(document);
  pollWithin(document);
  // A live region speaks only of what changes: the messages that came with the page are repeated for it.
  const messages = [...document.querySelectorAll(".toast-message p")].map((message) => message.textContent);
  if (messages.length) announce(messages.join(" "));
})();
