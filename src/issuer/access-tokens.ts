/** Making access tokens (RFC 9068 §2.2) and reading back our own. */

import { base64url } from "../domain/bytes.ts";
import { type AccessGrant, accessTokenLifetime } from "../domain/grants.ts";
import type { Client } from "../domain/policy.ts";
import type { Session } from "../domain/session.ts";
import { type AccessTokenClaims, signAccessToken, verifyAccessToken } from "../jws/index.ts";
import type { Context } from "./context.ts";
import type { KeyRing } from "./key-ring.ts";
import { algorithmOf } from "./ring-policy.ts";

const JTI_BYTES = 16;

export interface MintedToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly scope: string;
}

export class AccessTokens {
  readonly #context: Context;
  readonly #keyRing: KeyRing;

  constructor(context: Context, keyRing: KeyRing) {
    this.#context = context;
    this.#keyRing = keyRing;
  }

  /** Signs a token; throws `UnavailableError` where no key can. A session adds `sid`, `auth_time` and the account's claims. */
  async mint(client: Client, grant: AccessGrant, sub: string, session: Session | undefined): Promise<MintedToken> {
    const { clock, random, policy } = this.#context;
    const lifetimeMillis = accessTokenLifetime(client, grant.resource);
    const expiresInSeconds = Math.max(1, Math.floor(lifetimeMillis / 1_000));
    const found = this.#keyRing.signer(algorithmOf(grant.resource), expiresInSeconds * 1_000);
    const signer = found instanceof Promise ? await found : found;
    const issuedAt = Math.floor(clock() / 1_000);
    const scope = grant.scopes.join(" ");
    const accessToken = await signAccessToken(signer, {
      ...ownClaims(session),
      iss: policy.issuer,
      sub,
      aud: grant.resource.id,
      client_id: client.id,
      iat: issuedAt,
      exp: issuedAt + expiresInSeconds,
      jti: base64url(random(JTI_BYTES)),
      scope,
      ...(session === undefined ? {} : { sid: session.sid, auth_time: Math.floor(session.createdAt / 1_000) }),
    });
    return { accessToken, expiresInSeconds, scope };
  }

  /**
   * The claims of a token of ours that is good now, by this node's clock or one that differs as far as clocks may: what
   * a faster node has just issued must not be unknown here, while what is over is over. Undefined for any other; nothing
   * of an unproven token is used.
   */
  read(token: string, audience: string | undefined): AccessTokenClaims | undefined {
    const now = this.#context.clock();
    const result = verifyAccessToken(token, {
      issuer: this.#context.policy.issuer,
      audience,
      // By its name and nothing else: whether it is still in the JWK Set is the ring's to say.
      keyFor: (kid) => this.#keyRing.verificationKey(kid),
      now,
      clockToleranceMillis: this.#context.policy.clockSkewMillis,
    });
    return result.ok && now < result.claims.exp * 1_000 ? result.claims : undefined;
  }
}

function ownClaims(session: Session | undefined): Readonly<Record<string, unknown>> {
  return session?.claims === undefined ? {} : (JSON.parse(session.claims) as Record<string, unknown>);
}
