import * as oauth from "oauth4webapi";

/** By private_key_jwt. `options` may be `{ [oauth.allowInsecureRequests]: true }`, for an issuer on loopback. */
export async function requestToken({ issuer, clientId, privateKey, kid }, options) {
  const url = new URL(issuer);
  const server = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: "oauth2", ...options }));
  const client = { client_id: clientId };
  const authentication = oauth.PrivateKeyJwt({ key: privateKey, kid });
  const wanted = { resource: "https://api.example.com", scope: "read" };
  const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, wanted, options);
  return oauth.processClientCredentialsResponse(server, client, response);
}
