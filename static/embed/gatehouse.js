/* Mounts the portal in a frame of your page. docs/embed.md explains it, and gatehouse.d.ts has the types. No dependencies. */
"use strict";

(() => {
  const CONTRACT = 1; // the version of the messages
  const READY_MS = 15_000; // until a frame that says nothing is reported
  const MIN_HEIGHT = 240;
  const MAX_HEIGHT = 20_000;
  const RETRIES_MS = [1000, 2000, 4000, 8000, 16_000];
  const CHECKS_MS = [500, 1000, 2000, 4000, 8000]; // after a renewal, whose response shows nothing
  const AGAIN_MS = 10_000; // a session that ends sooner after its start isn't started again
  const SANDBOX = "allow-scripts allow-forms allow-same-origin allow-popups allow-popups-to-escape-sandbox allow-downloads";
  const ACTIVITY = ["pointerdown", "keydown", "focus"];

  // What a frame may say: the fields of each message, and their types.
  const place = { area: "string", path: "string", title: "string" };
  const MESSAGES = {
    ready: place,
    height: { height: "number" },
    navigated: place,
    saved: { area: "string", path: "string", message: "string" },
    "session-expiring": { seconds: "number", reason: "string", active: "boolean" },
    "session-renewed": { seconds: "number" },
    "session-expired": {},
    "step-up-needed": { path: "string" },
    error: { code: "string", status: "number", title: "string", requestId: "string" },
  };

  /** Return the message as a new object of known fields, or null if its shape is another. */
  const parse = (data) => {
    if (data?.gatehouse !== CONTRACT || !Object.hasOwn(MESSAGES, data.type)) return null;
    const message = { type: data.type };
    for (const [name, type] of Object.entries(MESSAGES[data.type])) {
      if (typeof data[name] !== type || (type === "number" && !(data[name] >= 0 && data[name] < Infinity))) return null;
      message[name] = data[name];
    }
    return message;
  };

  let mounted = 0;

  /**
   * Mount the portal in an element of your page, and keep its session alive.
   *
   * @param {Element} element Where the frame is appended.
   * @param {object} options `fetchTicket` is the only one that must be given. gatehouse.d.ts explains all.
   * @returns {{go: Function, setTheme: Function, renew: Function, unmount: Function}}
   */
  const mount = (element, { fetchTicket, area = "", path = "", theme = "auto", locale = "", title = "Admin portal", onEvent }) => {
    if (!(element instanceof Element)) throw new TypeError("Gatehouse.mount: the first argument must be an element.");
    if (typeof fetchTicket !== "function") throw new TypeError("Gatehouse.mount: fetchTicket must be a function.");

    const frame = document.createElement("iframe");
    frame.name = `gatehouse-${++mounted}-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
    frame.title = title;
    frame.allow = "clipboard-write";
    frame.setAttribute("sandbox", SANDBOX);
    frame.style.cssText = `display:block;width:100%;height:${MIN_HEIGHT * 2}px;border:0`;

    let isMounted = true;
    let url = null; // where tickets are submitted
    let sender = null; // the hidden frame with the last form
    let isReady = false;
    let hasPage = false; // since the session was started
    let isChosen = false; // the theme was changed since the ticket
    let pending = null; // the path to go to once the frame is ready
    let work = 0; // counts what is begun: an older one stops where a newer one begins
    let isBusy = false;
    let isOver = false; // the product gave no ticket for a session that had ended
    let isRenewed = true;
    let enteredAt = -Infinity;
    let activeAt = performance.now();
    let usedAt = activeAt; // when the frame last sent a request
    let isIdle = false; // the session ends because no one uses it
    let left = 0; // seconds, when the session was about to end
    let waiting = null; // what to do when the person is active again
    let timer = 0;

    const emit = (event) => isMounted && onEvent?.(event);
    const fail = (code, title, more = {}) => emit({ type: "error", code, title, status: 0, requestId: "", ...more });
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const post = (message) => frame.contentWindow?.postMessage({ gatehouse: CONTRACT, ...message }, url.origin);

    /** Ask the product for a ticket. Return false if there is none, because of an error, of null, or of newer work. */
    const ticketFor = async (reason, mine) => {
      for (let attempt = 0; isMounted && mine === work; attempt++) {
        try {
          const response = await fetchTicket({ reason, area, theme, locale, path });
          if (!isMounted || mine !== work || response === null || response === undefined) return false;
          const target = new URL(response.url);
          if (!/^https?:$/.test(target.protocol) || typeof response.ticket !== "string") throw new TypeError("not a ticket");
          return { ticket: response.ticket, target };
        } catch (error) {
          const wait = RETRIES_MS[attempt];
          fail("ticket-failed", "fetchTicket failed.", { cause: error, isRetrying: wait !== undefined });
          if (wait === undefined) return false;
          await sleep(wait * (0.75 + Math.random() / 2));
        }
      }
      return false;
    };

    const onViolation = (event) => {
      const isOurs = url && event.blockedURI.startsWith(url.origin) && /^(frame|child|default)-src|^form-action/.test(event.effectiveDirective);
      if (isOurs && !isReady) {
        clearTimeout(timer);
        fail("blocked-by-your-policy", `The Content-Security-Policy of this page blocks the frame: add ${url.origin} to ${event.effectiveDirective}.`);
      }
    };

    /**
     * Submit a ticket: never in a URL. The form is in an empty frame with a referrer policy of its own, because with
     * "no-referrer" or "same-origin", which your page may have, the browser would send "Origin: null".
     */
    const submit = (ticket, action, target) =>
      new Promise((resolve) => {
        sender?.remove();
        sender = document.createElement("iframe");
        sender.style.setProperty("display", "none", "important");
        sender.addEventListener(
          "load",
          () => {
            const inside = sender.contentDocument;
            const policy = Object.assign(inside.createElement("meta"), { name: "referrer", content: "strict-origin" });
            const form = Object.assign(inside.createElement("form"), { method: "post", action, target });
            form.append(Object.assign(inside.createElement("input"), { type: "hidden", name: "ticket", value: ticket }));
            inside.addEventListener("securitypolicyviolation", onViolation);
            inside.head.append(policy);
            inside.body.append(form);
            form.submit();
            resolve(sender);
          },
          { once: true },
        );
        element.append(sender);
      });

    /** Start a session in the frame, at the current path. */
    const enter = async (reason) => {
      const mine = ++work;
      isBusy = true;
      isReady = hasPage = false;
      const found = await ticketFor(reason, mine);
      if (mine !== work) return;
      isBusy = false;
      isOver = !found && reason === "expired";
      if (!found) return;
      url = found.target;
      isChosen = false;
      enteredAt = activeAt = usedAt = performance.now();
      clearTimeout(timer);
      timer = setTimeout(
        () => fail("not-ready", "The frame didn't load. Is the origin of this page registered, and are cookies of frames allowed?"),
        READY_MS,
      );
      await submit(found.ticket, url.href, frame.name);
    };

    /** Prolong the session. The page in the frame stays. Start a new one if it has ended. Resolve to whether it was prolonged. */
    const renew = async () => {
      if (!isReady && !isBusy) await enter("expired");
      if (!isReady || isBusy) return false;
      const mine = ++work;
      isBusy = true;
      isRenewed = false;
      const found = await ticketFor("expiring", mine);
      if (found && found.target.origin === url.origin) {
        const used = await submit(found.ticket, new URL("renew/", found.target).href, "_self");
        // The response to a renewal has no content. A page in its place says that it failed.
        let isRejected = false;
        used.addEventListener("load", () => (isRejected = true));
        for (const wait of CHECKS_MS) {
          await sleep(wait);
          if (mine !== work || !isMounted) return false;
          if (isRenewed || isRejected) break;
          post({ type: "check-session" });
          await sleep(100);
        }
        if (!isRenewed) fail("not-renewed", "The session wasn't renewed.");
      }
      if (mine === work) isBusy = false;
      return isRenewed;
    };

    /** Do something now if the person has used this page or the frame since the frame's last request, or else when they do. */
    const whenActive = (then) => {
      if (!isIdle || activeAt > usedAt) then();
      else waiting = then;
    };

    const onActivity = () => {
      activeAt = performance.now();
      const then = waiting;
      waiting = null;
      then?.();
    };

    const handlers = {
      ready: () => {
        isReady = true;
        isIdle = false;
        usedAt = performance.now();
        if (isChosen) post({ type: "theme", mode: theme });
        if (pending !== null) post({ type: "go", path: pending });
        pending = null;
        // The next page begins at its top.
        if (hasPage && frame.getBoundingClientRect().top < 0) frame.scrollIntoView();
        hasPage = true;
      },
      height: ({ height }) => (frame.style.height = `${Math.min(Math.max(Math.ceil(height), MIN_HEIGHT), MAX_HEIGHT)}px`),
      navigated: (message) => {
        ({ area, path } = message);
        usedAt = performance.now();
      },
      "session-expiring": ({ seconds, reason, active }) => {
        isIdle = reason === "idle" && !active;
        left = seconds;
        whenActive(renew);
      },
      "session-renewed": ({ seconds }) => {
        if (seconds <= left) return;
        left = 0;
        isRenewed = true;
        isIdle = false;
        waiting = null;
        usedAt = performance.now();
      },
      "session-expired": () => {
        if (isOver || (isBusy && !isReady)) return; // or a session is being started
        const isSecond = waiting && !isReady; // after the person did something in the frame
        isReady = false;
        if (isSecond) return onActivity();
        if (performance.now() - enteredAt < AGAIN_MS) return fail("session-lost", "The session ended as soon as it had started.");
        whenActive(() => enter("expired"));
      },
    };

    const onMessage = (event) => {
      if (!url || event.origin !== url.origin || event.source !== frame.contentWindow) return;
      const message = parse(event.data);
      if (!message) return;
      clearTimeout(timer);
      handlers[message.type]?.(message);
      emit(message);
    };

    addEventListener("message", onMessage);
    document.addEventListener("securitypolicyviolation", onViolation);
    for (const type of ACTIVITY) addEventListener(type, onActivity, { capture: true, passive: true });
    element.append(frame);
    enter("start");

    return {
      go(target) {
        if (isReady) post({ type: "go", path: String(target) });
        else pending = String(target);
      },
      setTheme(mode) {
        theme = mode;
        isChosen = true;
        if (isReady) post({ type: "theme", mode });
      },
      renew,
      unmount() {
        isMounted = false;
        work++;
        clearTimeout(timer);
        removeEventListener("message", onMessage);
        document.removeEventListener("securitypolicyviolation", onViolation);
        for (const type of ACTIVITY) removeEventListener(type, onActivity, { capture: true });
        frame.remove();
        sender?.remove();
      },
    };
  };

  globalThis.Gatehouse = Object.freeze({ mount, version: CONTRACT });
})();
