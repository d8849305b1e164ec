// oidc-provider, a certified authorization server that nobody here wrote, on loopback: PKCE is required,
// refresh tokens rotate, and a reused one ends the whole grant. Whoever comes is signed in and agrees.
//
//   TTL=2 node authorization_server.mjs      prints {"issuer": "http://127.0.0.1:PORT"} when it listens
//
// GET /seen: what the token endpoint was asked. POST /v1/chat/completions: an API that takes its tokens.

import http from "node:http";
import { Provider } from "oidc-provider";

console.warn = console.info = () => {}; // "for development only", and the like
const ttl = Number(process.env.TTL ?? 3600);
const seen = []; // {grant, status, error, type} of every token request
const loopback = ["http://127.0.0.1/cb", "http://localhost/cb"];
const grants = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"];

const server = http.createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "public", application_type: "native", token_endpoint_auth_method: "none",
      grant_types: grants, redirect_uris: [...loopback, "https://elsewhere.example/shown"],
    },
    {
      client_id: "secret", client_secret: "c1ient secret+/%", token_endpoint_auth_method: "client_secret_basic",
      application_type: "native", grant_types: [...grants, "client_credentials"], redirect_uris: loopback,
    },
  ],
  cookies: { keys: ["test"] },
  features: {
    devInteractions: { enabled: false }, deviceFlow: { enabled: true },
    revocation: { enabled: true }, clientCredentials: { enabled: true },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: async (_, client) => client.grantTypeAllowed("refresh_token"),
  rotateRefreshToken: true,
  pkce: { required: () => true },
  scopes: ["openid", "offline_access", "api"],
  ttl: { AccessToken: ttl, ClientCredentials: ttl, RefreshToken: 86400, Session: 86400, Grant: 86400, Interaction: 600 },
});

provider.use(async (ctx, next) => {
  await next();
  if (ctx.path === "/token") {
    seen.push({
      grant: ctx.oidc?.params?.grant_type ?? null, status: ctx.status,
      error: ctx.body?.error ?? null, type: ctx.get("content-type"),
    });
  }
});

const callback = provider.callback();

async function interact(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  let result = { login: { accountId: "me" } };
  if (process.env.DENY) {
    result = { error: "access_denied" };
  } else if (prompt.name === "consent") {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope("openid offline_access api");
    result = { consent: { grantId: await grant.save() } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

async function ask(request, response) {
  const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  const found = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
  const good = found !== undefined && !found.isExpired;
  response.writeHead(good ? 200 : 401, { "content-type": "application/json" });
  response.end(JSON.stringify(good
    ? { choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }] }
    : { error: { message: `bad token ${token}`, code: "invalid_api_key" } }));
}

server.on("request", (request, response) => {
  const { pathname } = new URL(request.url, issuer);
  if (pathname === "/seen") {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(seen));
  } else if (pathname === "/v1/chat/completions") {
    request.resume();
    request.on("end", () => ask(request, response));
  } else if (pathname.startsWith("/interaction/")) {
    interact(request, response).catch((error) => response.writeHead(500).end(String(error)));
  } else {
    callback(request, response);
  }
});

process.stdout.write(`${JSON.stringify({ issuer })}\n`);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0)); // ends with whoever started it
