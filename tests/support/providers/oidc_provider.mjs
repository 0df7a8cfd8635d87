// A certified OpenID provider (npm: oidc-provider). Its people are in a file that is read for each question.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const options = JSON.parse(readFileSync(process.argv[2], "utf8"));
const found = createRequire(`${options.packages}/package.json`).resolve("oidc-provider");
const { Provider } = await import(pathToFileURL(found).href);

const people = () => JSON.parse(readFileSync(options.people, "utf8"));

const provider = new Provider(options.issuer, {
  clients: [
    {
      client_id: options.client_id,
      client_secret: options.client_secret,
      redirect_uris: [`${options.site}/prokube-auth/callback`],
      post_logout_redirect_uris: [`${options.site}/prokube-auth/logged-out`, `${options.site}/prokube-auth/login`],
      backchannel_logout_uri: `${options.site}/prokube-auth/backchannel-logout`,
      backchannel_logout_session_required: true,
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  // True, the default: an ID token that comes beside an access token tells no claims but the subject's.
  conformIdTokenClaims: options.conform,
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["name", "preferred_username"],
    groups: ["groups"],
  },
  scopes: ["openid", "offline_access", "groups"],
  features: {
    devInteractions: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  findAccount: async (_context, id) => {
    const claims = people()[id];
    return claims && { accountId: id, claims: async () => ({ sub: id, ...claims }) };
  },
  // Without a consent page of its own, which the scope offline_access would need (OpenID Connect Core 1.0, section 11).
  issueRefreshToken: async (_context, client) => options.refresh && client.grantTypeAllowed("refresh_token"),
  cookies: { keys: ["a-key-of-the-tests"] },
});
provider.listen(options.port, "127.0.0.1", () => console.log("ready"));
