// One of Stytch's own screens for admins, as a product embeds it. The address says which, which API and which project.

import { createStytchB2BClient } from "@stytch/vanilla-js/b2b/index.headless.mjs";
import {
  AdminPortalB2BProducts,
  mountAdminPortalMemberManagement,
  mountAdminPortalOrgSettings,
  mountAdminPortalSCIM,
} from "@stytch/vanilla-js/adminPortal/index.mjs";

const address = new URLSearchParams(location.search);
const api = address.get("api");
const client = createStytchB2BClient(address.get("token"), { endpoints: { testAPIURL: api, liveAPIURL: api } });
const screens = {
  scim: () => mountAdminPortalSCIM({ client, element: "#screen" }),
  members: () =>
    mountAdminPortalMemberManagement({ client, element: "#screen", config: { inviteRedirectURL: location.origin } }),
  organization: () => {
    const { emailMagicLinks, emailOtp, password } = AdminPortalB2BProducts;
    const config = { allowedAuthMethods: [emailMagicLinks, emailOtp, password] };
    mountAdminPortalOrgSettings({ client, element: "#screen", config });
  },
};
screens[address.get("screen")]();
