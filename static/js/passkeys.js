/* Passkeys: asks the browser to create one, or to confirm with one. Without this script, pages say that they need it. */
"use strict";

(() => {
  const problem = (form, name) => {
    for (const text of form.querySelectorAll("[data-passkey-problem]")) text.hidden = text.dataset.passkeyProblem !== name;
  };

  const show = (root) => {
    for (const part of root.querySelectorAll("[data-passkey][hidden]")) part.hidden = false;
  };

  // --- Bytes as base64url (RFC 4648, 5), in JSON as Web Authentication has it ----------------------------------------

  const toBytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");

  const withBytes = (listed) => listed?.map((one) => ({ ...one, id: toBytes(one.id) }));

  const optionsOf = (json) => ({
    ...json,
    challenge: toBytes(json.challenge),
    ...(json.user && { user: { ...json.user, id: toBytes(json.user.id) } }),
    ...(json.excludeCredentials && { excludeCredentials: withBytes(json.excludeCredentials) }),
    ...(json.allowCredentials && { allowCredentials: withBytes(json.allowCredentials) }),
  });

  const jsonOf = (credential) => {
    const { response } = credential;
    const parts = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (response[name]) parts[name] = toText(response[name]);
    }
    if (response.getTransports) parts.transports = response.getTransports();
    return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response: parts });
  };

  // --- The form --------------------------------------------------------------------------------------------------------

  /* Returns the options, or null if the browser goes to another page instead, or if there are none. */
  const requestOptions = async (form) => {
    const fields = new FormData(form);
    fields.set("passkey_options", "1");
    fields.delete("code");
    const answer = await fetch(form.action, { method: "POST", body: fields });
    if (answer.redirected) location.assign(answer.url);
    else if (answer.headers.get("Content-Type")?.startsWith("application/json")) return (await answer.json()).publicKey ?? null;
    return null;
  };

  const confirm = async (form, button) => {
    problem(form, "");
    button?.setAttribute("aria-disabled", "true");
    try {
      const json = await requestOptions(form);
      if (!json) {
        problem(form, "unreachable");
        return;
      }
      const publicKey = optionsOf(json);
      const isNew = form.dataset.passkeyForm === "create";
      const credential = await (isNew ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
      form.elements.code.value = jsonOf(credential);
      form.submit();
    } catch (error) {
      const name = { InvalidStateError: "known", TypeError: "unreachable", SyntaxError: "unreachable" }[error.name];
      problem(form, name ?? "canceled");
    } finally {
      button?.removeAttribute("aria-disabled");
    }
  };

  const forms = document.querySelectorAll("[data-passkey-form]");
  if (!window.PublicKeyCredential) {
    for (const form of forms) problem(form, "unsupported");
    return;
  }
  show(document);
  for (const form of forms) {
    // Reloading the page and going back must not send an earlier response.
    form.elements.code.value = "";
    form.querySelector("[data-passkey][autofocus]")?.focus();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = form.querySelector("[data-passkey]");
      if (button.getAttribute("aria-disabled") !== "true") confirm(form, button);
    });
  }
})();
