/* Fieldnote's page: mounts the portal, keeps its place in the address, and shows what it reports. */
"use strict";

(() => {
  const MAX_EVENTS = 200;
  const place = document.getElementById("portal");
  const choices = document.querySelector(".choices");
  const problem = document.querySelector(".problem");
  const events = document.querySelector(".log ol");
  const links = [...document.querySelectorAll("nav a")];
  const areaOf = (link) => new URL(link.href).searchParams.get("area");

  const { searchParams } = new URL(location.href);
  const chosen = { area: searchParams.get("area") ?? "scim", path: searchParams.get("path") ?? "" };
  let handle = null;

  const showProblem = (text) => {
    problem.textContent = text;
    problem.hidden = !text;
  };

  const log = ({ type, cause, ...fields }) => {
    const item = document.createElement("li");
    item.append(new Date().toLocaleTimeString(), " ", Object.assign(document.createElement("code"), { textContent: type }));
    item.append(` ${JSON.stringify(fields)}`);
    events.prepend(item);
    while (events.childElementCount > MAX_EVENTS) events.lastElementChild.remove();
  };

  // The product's own backend creates the ticket: only it has the secret for that.
  const fetchTicket = async (request) => {
    const { member, read_only: isReadOnly } = choices.elements;
    const body = JSON.stringify({ ...request, member: member.value, read_only: isReadOnly.checked });
    const response = await fetch("/portal-ticket", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  };

  const onEvent = (event) => {
    log(event);
    if (event.type === "error") showProblem(event.cause ? `${event.title} ${event.cause.message}` : event.title);
    if (event.type === "ready") showProblem("");
    if (event.type === "navigated") {
      Object.assign(chosen, { area: event.area, path: event.path });
      const url = new URL(location.href);
      url.search = new URLSearchParams({ area: event.area, path: event.path });
      history.replaceState(null, "", url);
      document.title = `${event.title} · Fieldnote`;
    }
  };

  const show = (area, path = "") => {
    handle?.unmount();
    for (const link of links) {
      if (areaOf(link) === area) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    handle = Gatehouse.mount(place, { fetchTicket, area, path, theme: choices.elements.theme.value, title: "Directory", onEvent });
    Object.assign(chosen, { area, path });
  };

  for (const link of links) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      show(areaOf(link));
    });
  }
  choices.addEventListener("change", ({ target }) => {
    if (target.name !== "theme") return show(chosen.area, chosen.path);
    document.documentElement.dataset.theme = target.value;
    handle.setTheme(target.value);
  });
  choices.elements.renew.addEventListener("click", () => handle.renew());
  document.documentElement.dataset.theme = choices.elements.theme.value;
  show(chosen.area, chosen.path);
})();
