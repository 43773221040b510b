import { SignJWT } from "jose";
import { form, request } from "../request.js";

/** A token by private_key_jwt (RFC 7523 §2.2). `privateKey` is a CryptoKey or a KeyObject, `kid` names it in the client's jwks. */
export async function requestToken({ issuer, clientId, privateKey, kid }) {
  const assertion = await new SignJWT()
    .setProtectedHeader({ alg: "ES256", typ: "client-authentication+jwt", kid })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(issuer) // the issuer alone, not the URL of /token
    .setJti(crypto.randomUUID()) // each is good once
    .setIssuedAt()
    .setExpirationTime("1m") // at most five minutes
    .sign(privateKey);
  const fields = {
    grant_type: "client_credentials",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion,
  };
  return request(`${issuer}/token`, form(fields, { tries: 1 })); // to repeat it, sign another
}
