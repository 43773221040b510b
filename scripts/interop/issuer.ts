/** The issuer of the run, and a user who has tokens for every resource. */

import { rmSync } from "node:fs";
import type { ConfigDocument } from "../../src/config.ts";
import { mustLogIn, mustRefresh, partOf } from "../../test/support/client-calls.ts";
import { Home } from "../../test/support/issuer-process.ts";
import type { RunningIssuer } from "../../test/support/issuer-process.ts";
import { ALGORITHMS } from "./types.ts";
import type { Algorithm, Resource, Setting } from "./types.ts";

const PASSWORD = "a password that strangers verify";
const CLIENT = { type: "public", grants: ["login", "refresh_token"], scopes: ["read"] } as const;

const resource = (host: string, alg: Algorithm): Resource => ({ audience: `https://${host}.example.com`, alg });
/** The resource servers that the verifiers are. */
export const RESOURCES = ALGORITHMS.map((alg) => resource(alg.toLowerCase(), alg));
/** For each, another one of the same algorithm, whose tokens must not do here. */
const OTHERS = ALGORITHMS.map((alg) => resource(`other-${alg.toLowerCase()}`, alg));

export type Tokens = Readonly<Record<Algorithm, string>>;

export class InteropIssuer {
  readonly setting: Setting;
  readonly #home: Home;
  readonly #server: RunningIssuer;
  #refreshToken: string;

  private constructor(home: Home, server: RunningIssuer, refreshToken: string) {
    this.#home = home;
    this.#server = server;
    this.#refreshToken = refreshToken;
    this.setting = { issuer: home.issuer, jwksUri: `${server.url}/.well-known/jwks.json`, resources: RESOURCES };
  }

  /** `teardown` gets what ends it and removes its folder. */
  static async start(teardown: (end: () => Promise<void>) => void, stageForSeconds: number): Promise<InteropIssuer> {
    const home = await Home.make({ teardown }, { settings: settings(stageForSeconds) });
    process.once("exit", () => rmSync(home.folder, { recursive: true, force: true }));
    const server = await home.start();
    await home.addUser("vera", PASSWORD);
    const { refreshToken } = await mustLogIn(server, "vera", PASSWORD);
    return new InteropIssuer(home, server, refreshToken);
  }

  /** A new access token for each resource. */
  tokens(): Promise<Tokens> {
    return this.#tokensFor(RESOURCES);
  }

  /** The same for the other resources. */
  otherTokens(): Promise<Tokens> {
    return this.#tokensFor(OTHERS);
  }

  /** Tokens for the resources by a client whose access tokens live for one second. */
  async briefTokens(): Promise<Tokens> {
    const { refreshToken } = await mustLogIn(this.#server, "vera", PASSWORD, { client_id: "brief" });
    return (await tokensFor(this.#server, RESOURCES, { clientId: "brief", refreshToken })).tokens;
  }

  /** `mintmark keys rotate`: the staged keys take over as soon as they have been published for long enough. */
  async rotateKeys(): Promise<void> {
    await this.#home.must("keys", "rotate");
  }

  /** `mintmark keys revoke` of the keys that signed these tokens. */
  async revokeKeysOf(tokens: Tokens): Promise<void> {
    for (const kid of kidsOf(tokens)) await this.#home.must("keys", "revoke", kid, "--reason", "interop");
  }

  async #tokensFor(resources: readonly Resource[]): Promise<Tokens> {
    const { tokens, refreshToken } = await tokensFor(this.#server, resources, { clientId: "app", refreshToken: this.#refreshToken });
    this.#refreshToken = refreshToken;
    return tokens;
  }
}

/** One refresh for each resource; and the refresh token that is current afterwards. */
async function tokensFor(server: RunningIssuer, resources: readonly Resource[], session: { clientId: string; refreshToken: string }) {
  let { refreshToken } = session;
  const tokens: [Algorithm, string][] = [];
  for (const { audience, alg } of resources) {
    const next = await mustRefresh(server, refreshToken, { client_id: session.clientId, resource: audience });
    refreshToken = next.refreshToken;
    tokens.push([alg, next.accessToken]);
  }
  return { tokens: Object.fromEntries(tokens) as Tokens, refreshToken };
}

export function kidsOf(tokens: Tokens): ReadonlySet<string> {
  return new Set(Object.values(tokens).map((token) => String(partOf(token, 0)["kid"])));
}

function settings(stageForSeconds: number): Partial<ConfigDocument> {
  const resources = [...RESOURCES, ...OTHERS];
  const audiences = resources.map(({ audience }) => audience);
  return {
    keys: { stageFor: `${stageForSeconds}s`, jwksMaxAge: `${Math.min(stageForSeconds, 60)}s` },
    accessToken: { lifetime: "30m" },
    resources: resources.map(({ audience, alg }) => ({
      id: audience,
      scopes: ["read"],
      ...(alg === "ES256" ? { algorithm: "ES256" } : { algorithm: "EdDSA", edAlgName: alg }),
    })),
    clients: [
      { ...CLIENT, id: "app", resources: audiences },
      { ...CLIENT, id: "brief", resources: audiences, accessTokenLifetime: "1s" },
    ],
  };
}
