// Stytch's sign-in component, as a product embeds it. The address says for which flow and products, which API and which project.

import { AuthFlowType, B2BOAuthProviders, B2BProducts, StytchB2B, createStytchB2BClient } from "@stytch/vanilla-js/b2b/index.mjs";

const address = new URLSearchParams(location.search);
const api = address.get("api");
window.client = createStytchB2BClient(address.get("project"), { endpoints: { testAPIURL: api, liveAPIURL: api } });
customElements.define("stytch-b2b", StytchB2B);
const flow = address.get("flow") ?? "Organization";
const products = (address.get("products") ?? "passwords,oauth").split(",").map((name) => B2BProducts[name]);
// Links lead here, with the same choices.
const here = location.origin + location.pathname;
// What the component reports to the product.
window.events = [];
const component = document.createElement("stytch-b2b");
component.render({
  client: window.client,
  config: {
    authFlowType: AuthFlowType[flow],
    organizationSlug: address.get("organization"),
    products,
    disableCreateOrganization: address.has("no-new-organizations"),
    emailMagicLinksOptions: {
      loginRedirectURL: here,
      signupRedirectURL: here,
      discoveryRedirectURL: here,
      locale: address.get("locale") ?? undefined,
      loginExpirationMinutes: Number(address.get("minutes")) || undefined,
    },
    oauthOptions: { providers: [B2BOAuthProviders.Google] },
    passwordOptions: { loginRedirectURL: here, resetPasswordRedirectURL: here },
    sessionOptions: { sessionDurationMinutes: 60 },
  },
  callbacks: {
    onEvent: ({ type }) => window.events.push(type),
    onError: ({ message }) => window.events.push(message),
  },
});
document.getElementById("sign-in").append(component);
