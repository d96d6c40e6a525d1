// A product's backend in TypeScript. It's compiled, not run: test_node.py calls the same methods.

import * as stytch from "stytch";

const client = new stytch.B2BClient({
  project_id: "project-live-1",
  secret: "secret",
  custom_base_url: "https://portal.example.com/",
});

export async function memberOf(sessionToken: string): Promise<string[]> {
  const { member, member_session } = await client.sessions.authenticate({ session_token: sessionToken });
  await client.otps.email.loginOrSignup({ organization_id: member.organization_id, email_address: member.email_address });
  const { recovery_codes } = await client.totps.create({
    organization_id: member.organization_id,
    member_id: member.member_id,
    session_token: sessionToken,
  });
  return [...member_session.roles, ...recovery_codes];
}
