// A provider of OpenID Connect for tests: node provider.mjs FOLDER REDIRECT. FOLDER has oidc-provider in `node_modules`.
//
// It writes its issuer on a line. Whoever signs in as one of ACCOUNTS is that; the password does not matter. The accounts that
// begin with "lie-" get ID tokens that are wrong in one way.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, redirect] = process.argv.slice(2);
const resolve = createRequire(pathToFileURL(`${folder}/package.json`)).resolve;
const load = (name) => import(pathToFileURL(resolve(name)));
const { Provider } = await load("oidc-provider");
const { SignJWT, decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair } = await load("jose");

const ada = { email: "ada@example.org", email_verified: true, name: "Ada" };
const ACCOUNTS = {
  ada: { ...ada, groups: ["staff"] },
  // The address went on to somebody else.
  successor: ada,
  unproven: { ...ada, email_verified: false },
  silent: { email: "ada@example.org", name: "Ada" },
  grace: { email: "grace@example.org", email_verified: true, name: "Grace", groups: ["staff", "backup-admins"] },
  eve: { email: "eve@evil.example", email_verified: true, name: "Eve" },
};
const LIES = {
  "lie-audience": { aud: "another" },
  "lie-issuer": { iss: "https://evil.example" },
  "lie-nonce": { nonce: "another" },
  "lie-time": { exp: Math.floor(Date.now() / 1000) - 3600 },
  "lie-signature": {},
  "lie-none": {},
};

const pair = await generateKeyPair("RS256", { extractable: true });
const other = await generateKeyPair("RS256", { extractable: true });
const key = { ...(await exportJWK(pair.privateKey)), kid: "one", use: "sig", alg: "RS256" };

const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "backstay",
      client_secret: "the secret of the client",
      redirect_uris: [redirect],
      response_types: ["code"],
      grant_types: ["authorization_code"],
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  cookies: { keys: ["one"] },
  findAccount: (_, id) => {
    const claims = ACCOUNTS[id] ?? (id in LIES ? ada : undefined);
    return claims && { accountId: id, claims: () => ({ sub: id, ...claims }) };
  },
  jwks: { keys: [key] },
  pkce: { required: () => true },
  scopes: ["openid", "email", "profile", "groups"],
});

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
provider.use(async (ctx, next) => {
  await next();
  const token = ctx.path === "/token" && ctx.body?.id_token;
  const claims = token ? decodeJwt(token) : {};
  if (!(claims.sub in LIES)) {
    return;
  }
  const told = { ...claims, ...LIES[claims.sub] };
  if (claims.sub === "lie-none") {
    ctx.body.id_token = `${encode({ alg: "none" })}.${encode(told)}.`;
    return;
  }
  const by = claims.sub === "lie-signature" ? other : pair;
  ctx.body.id_token = await new SignJWT(told).setProtectedHeader(decodeProtectedHeader(token)).sign(by.privateKey);
});
server.on("request", provider.callback());
console.log(issuer);
