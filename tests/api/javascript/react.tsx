// A product's React page: Stytch's sign-in component for someone who isn't signed in, and the member for someone who is.

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import {
  AuthFlowType,
  B2BProducts,
  StytchB2B,
  StytchB2BProvider,
  createStytchB2BClient,
  useStytchB2BClient,
  useStytchMember,
  useStytchMemberSession,
  type StytchClientOptions,
} from "@stytch/react/b2b";

const address = new URLSearchParams(location.search);
const api = address.get("api") ?? "";
// The SDK's types don't name this option.
const options = { endpoints: { testAPIURL: api, liveAPIURL: api } } as StytchClientOptions;
const client = createStytchB2BClient(address.get("project") ?? "", options);

// Every name that the page has shown since it was loaded, in order.
declare global {
  interface Window {
    shown: { name: string; fromCache: boolean }[];
  }
}
window.shown = [];

function Member() {
  const stytch = useStytchB2BClient();
  const { member, fromCache } = useStytchMember();
  const { session } = useStytchMemberSession();
  if (!member || !session) return <SignIn />;
  window.shown.push({ name: member.name, fromCache });
  return (
    <main>
      <h1>{member.name}</h1>
      <p>{session.roles.join(", ")}</p>
      <button onClick={() => stytch.self.update({ name: "Ada Lovelace" })}>Rename</button>
      <button onClick={() => stytch.session.revoke()}>Sign out</button>
    </main>
  );
}

function SignIn() {
  return (
    <StytchB2B
      config={{
        authFlowType: AuthFlowType.Organization,
        organizationSlug: address.get("organization") ?? "",
        products: [B2BProducts.passwords],
        sessionOptions: { sessionDurationMinutes: 60 },
      }}
    />
  );
}

const root = document.createElement("div");
document.body.append(root);
createRoot(root).render(
  <StrictMode>
    <StytchB2BProvider stytch={client}>
      <Member />
    </StytchB2BProvider>
  </StrictMode>,
);
