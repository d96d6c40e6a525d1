// One of Stytch's own screens for admins, as a product embeds it. The address says which, which API and which project.

import { createStytchB2BClient } from "@stytch/vanilla-js/b2b/index.headless.mjs";
import {
  mountAdminPortalMemberManagement,
  mountAdminPortalOrgSettings,
  mountAdminPortalSCIM,
} from "@stytch/vanilla-js/adminPortal/index.mjs";

const address = new URLSearchParams(location.search);
const api = address.get("api");
const client = createStytchB2BClient(address.get("token"), { endpoints: { testAPIURL: api, liveAPIURL: api } });
const mount = {
  scim: mountAdminPortalSCIM,
  members: mountAdminPortalMemberManagement,
  organization: mountAdminPortalOrgSettings,
}[address.get("screen")];
mount({ client, element: "#screen" });
