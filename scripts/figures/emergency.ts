/**
 * The key that signs is revoked under load, with an aged staged key behind it.
 * `node scripts/figures/emergency.ts [--rounds 20] [--nodes 4] [--lanes 8]`
 *
 * Clients get tokens of both algorithms from every node without a pause; each token is verified at once by jose, which keeps the JWK Set
 * that it has, and introspected at another node. Tokens that the revoked key signed before are refused, as they must be; a refusal of
 * any other is a false 401. How long a node takes is from the command's start to the last token by the revoked key that it issued.
 */

import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { sha256Hex } from "../../src/compose.ts";
import { RING_LAG_MILLIS } from "../../src/domain/ring.ts";
import type { KeyListing, Operator } from "../../src/issuer/types.ts";
import { withDeployment } from "./support/deployment.ts";
import type { IssuerProcess } from "./support/deployment.ts";
import { at } from "./support/lanes.ts";
import { readOptions, report } from "./support/options.ts";

export interface EmergencyOptions {
  readonly rounds: number;
  readonly nodes: number;
  /** Clients at work at the same time. */
  readonly lanes: number;
}

export interface EmergencyCounts {
  readonly rounds: number;
  readonly tokens: number;
  /** Good tokens of other keys that jose refused, or introspection called inactive. */
  readonly false401: number;
  /** Tokens by the revoked key that introspection called active after the command had returned. */
  readonly acceptedAfter: number;
  /** Until every node signs with the new key. */
  readonly secondsMedian: number;
  readonly secondsMax: number;
  /** Token requests that were not granted. */
  readonly refused: number;
}

const STAGE_MILLIS = 1_000;
/** Fast time: verifiers keep a set for less than a key is staged. */
const CACHE_MILLIS = 1_000;
const RESOURCES = ["https://es.example.com", "https://ed.example.com"];
const SECRET = "secret-of-the-service";
const BASIC = `Basic ${Buffer.from(`service:${SECRET}`).toString("base64")}`;
const FORM = { authorization: BASIC, "content-type": "application/x-www-form-urlencoded" };

interface Issued {
  readonly token: string;
  readonly kid: string;
  readonly node: number;
  readonly at: number;
}

export function emergency({ rounds, nodes, lanes }: EmergencyOptions): Promise<EmergencyCounts> {
  const env = { MINTMARK_KEY_ENCRYPTION_KEY: randomBytes(32).toString("base64url") };
  const [es = "", ed = ""] = RESOURCES;
  const settings = {
    keys: { store: "shared", stageFor: `${STAGE_MILLIS}ms`, jwksMaxAge: "1s", rotateEvery: "never" },
    resources: [
      { id: es, scopes: ["read"] },
      { id: ed, scopes: ["read"], algorithm: "EdDSA" },
    ],
    clients: [
      {
        id: "service",
        type: "confidential",
        secretSha256: sha256Hex(SECRET),
        grants: ["client_credentials"],
        resources: RESOURCES,
        scopes: ["read"],
      },
    ],
  } as const;
  return withDeployment({ store: "redis", settings, env }, async (deployment) => {
    const issuers: IssuerProcess[] = [];
    for (let node = 0; node < nodes; node++) issuers.push(await deployment.startIssuer());
    const operator = await deployment.operator();
    const counts = { rounds, tokens: 0, false401: 0, acceptedAfter: 0, refused: 0 };
    const seconds: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await pause(STAGE_MILLIS + RING_LAG_MILLIS + CACHE_MILLIS);
      const drill = new Drill(issuers, deployment.issuer, counts);
      const load = drill.run(lanes);
      await pause(500);
      const began = performance.now();
      const kid = await activeKid(operator);
      drill.revoked = kid;
      const result = await operator.revokeKeys([kid], "drill", false);
      if (!("steps" in result)) throw new Error(JSON.stringify(result));
      counts.acceptedAfter += await drill.activeTokensOf(kid);
      drill.isOver = true;
      await load;
      const last = Math.max(began, ...drill.issued.filter((issued) => issued.kid === kid).map((issued) => issued.at));
      seconds.push((last - began) / 1_000);
    }
    const sorted = seconds.toSorted((one, other) => one - other);
    const rounded = (value: number): number => Math.round(value * 100) / 100;
    return {
      ...counts,
      secondsMedian: rounded(at(sorted, Math.floor(sorted.length / 2))),
      secondsMax: rounded(at(sorted, sorted.length - 1)),
    };
  });
}

async function activeKid(operator: Operator): Promise<string> {
  const isSigning = ({ alg, state }: KeyListing): boolean => alg === "ES256" && state === "active";
  return (await operator.listKeys(false)).find(isSigning)?.kid ?? "";
}

class Drill {
  readonly issued: Issued[] = [];
  revoked = "";
  isOver = false;
  readonly #issuers: readonly IssuerProcess[];
  readonly #issuer: string;
  readonly #counts: { tokens: number; false401: number; refused: number };

  constructor(issuers: readonly IssuerProcess[], issuer: string, counts: { tokens: number; false401: number; refused: number }) {
    this.#issuers = issuers;
    this.#issuer = issuer;
    this.#counts = counts;
  }

  async run(lanes: number): Promise<void> {
    await Promise.all(Array.from({ length: lanes }, (_, lane) => this.#client(lane)));
  }

  async #client(lane: number): Promise<void> {
    const jwks = createRemoteJWKSet(new URL(`${this.#issuer}/.well-known/jwks.json`), {
      cacheMaxAge: CACHE_MILLIS,
      cooldownDuration: CACHE_MILLIS,
    });
    for (let turn = lane; !this.isOver; turn++) {
      const node = turn % this.#issuers.length;
      const audience = at(RESOURCES, turn % 2);
      const token = await this.#token(node, audience);
      if (token === undefined) continue;
      const kid = String(decodeProtectedHeader(token).kid);
      this.issued.push({ token, kid, node, at: performance.now() });
      this.#counts.tokens += 1;
      const isVerified = await jwtVerify(token, jwks, { issuer: this.#issuer, audience }).then(
        () => true,
        () => false,
      );
      const isActive = await this.#isActive((node + 1) % this.#issuers.length, token);
      if (kid !== this.revoked && !(isVerified && isActive)) this.#counts.false401 += 1;
    }
  }

  /** How many of the tokens that this key signed are active at any node. */
  async activeTokensOf(kid: string): Promise<number> {
    const tokens = this.issued.filter((issued) => issued.kid === kid).slice(-20);
    const asked = tokens.flatMap(({ token }) => this.#issuers.map((_, node) => this.#isActive(node, token)));
    return (await Promise.all(asked)).filter(Boolean).length;
  }

  async #token(node: number, resource: string): Promise<string | undefined> {
    const body = new URLSearchParams({ grant_type: "client_credentials", resource }).toString();
    const answer = await at(this.#issuers, node).client.send({ method: "POST", path: "/token", headers: FORM, body });
    if (answer.status === 200) return (JSON.parse(answer.body) as { access_token: string }).access_token;
    this.#counts.refused += 1;
    return undefined;
  }

  async #isActive(node: number, token: string): Promise<boolean> {
    const body = new URLSearchParams({ token }).toString();
    const answer = await at(this.#issuers, node).client.send({ method: "POST", path: "/introspect", headers: FORM, body });
    return answer.status === 200 && (JSON.parse(answer.body) as { active: boolean }).active;
  }
}

if (import.meta.main) {
  await report(async () => {
    const counts = await emergency(readOptions({ rounds: 20, nodes: 4, lanes: 8 }));
    return { counts, good: counts.false401 + counts.acceptedAfter === 0 };
  });
}
