import * as client from "openid-client";

/** `options` may be `{ execute: [client.allowInsecureRequests] }`, for an issuer on loopback. */
export async function requestToken({ issuer, clientId, clientSecret }, options) {
  const config = await client.discovery(new URL(issuer), clientId, clientSecret, client.ClientSecretBasic(clientSecret), {
    algorithm: "oauth2",
    ...options,
  });
  return client.clientCredentialsGrant(config, { resource: "https://api.example.com", scope: "read" });
}
