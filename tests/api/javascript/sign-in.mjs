// Stytch's sign-in component, as a product embeds it for one organization. The address says which, which API and which project.

import { AuthFlowType, B2BOAuthProviders, B2BProducts, StytchB2B, createStytchB2BClient } from "@stytch/vanilla-js/b2b/index.mjs";

const address = new URLSearchParams(location.search);
const api = address.get("api");
window.client = createStytchB2BClient(address.get("token"), { endpoints: { testAPIURL: api, liveAPIURL: api } });
customElements.define("stytch-b2b", StytchB2B);
const component = document.createElement("stytch-b2b");
component.render({
  client: window.client,
  config: {
    authFlowType: AuthFlowType.Organization,
    organizationSlug: address.get("organization"),
    products: [B2BProducts.passwords, B2BProducts.oauth],
    oauthOptions: { providers: [B2BOAuthProviders.Google] },
    passwordOptions: { loginRedirectURL: location.origin, resetPasswordRedirectURL: location.origin },
    sessionOptions: { sessionDurationMinutes: 60 },
  },
});
document.getElementById("sign-in").append(component);
