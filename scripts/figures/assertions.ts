/**
 * One assertion presented to two issuer processes in the same millisecond, again and again: it is taken once.
 * `node scripts/figures/assertions.ts [--rounds 1000] [--store all]`
 */

import type { ConfigDocument } from "../../src/config.ts";
import { assertion, newParty } from "../../test/support/assertions.ts";
import { STORES, withDeployment } from "./support/deployment.ts";
import type { StoreKind } from "./support/deployment.ts";
import type { HttpClient } from "./support/http.ts";
import { at } from "./support/lanes.ts";
import { oneOf, readOptions, report } from "./support/options.ts";
import { RESOURCE } from "./support/tokens.ts";

const MACHINE = "machine";
const PARTNER = "partner";
const LOGIN_ISSUER = "https://login.example.net";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const FORM = { "content-type": "application/x-www-form-urlencoded" };

export interface AssertionOptions {
  readonly store: StoreKind;
  readonly rounds: number;
}

export interface AssertionCounts {
  readonly rounds: number;
  readonly acceptedTwice: number;
  readonly acceptedNever: number;
  readonly serverErrors: number;
  /** Answers that neither grant nor say that it was used before. */
  readonly otherAnswers: number;
  /** Rounds in which the second process, in the order of sending, was the one that took it. */
  readonly wonBySecond: number;
}

/** Client assertions and assertions as a grant, in turn. */
export function assertions({ store, rounds }: AssertionOptions): Promise<AssertionCounts> {
  const [machine, login] = [newParty("ES256", "machine-1"), newParty("EdDSA", "login-1")];
  const common = { resources: [RESOURCE], scopes: ["read"] };
  const settings = {
    clients: [
      { ...common, id: MACHINE, type: "confidential", grants: ["client_credentials"], jwks: machine.jwks },
      { ...common, id: PARTNER, type: "public", grants: [JWT_BEARER, "refresh_token"] },
    ],
    trustedIssuers: [{ issuer: LOGIN_ISSUER, jwks: login.jwks, subjectPrefix: "ext:", clients: [PARTNER] }],
  } satisfies Partial<ConfigDocument>;
  return withDeployment({ store, settings }, async (deployment) => {
    const clients = [(await deployment.startIssuer()).client, (await deployment.startIssuer()).client];
    const counts = { rounds, acceptedTwice: 0, acceptedNever: 0, serverErrors: 0, otherAnswers: 0, wonBySecond: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const now = Date.now();
      const isGrant = round % 2 === 1;
      const right = { aud: deployment.issuer, now };
      const form = isGrant
        ? {
            grant_type: JWT_BEARER,
            client_id: PARTNER,
            assertion: await assertion(login, { ...right, iss: LOGIN_ISSUER, sub: `person${round}` }),
          }
        : {
            grant_type: "client_credentials",
            client_assertion_type: ASSERTION_TYPE,
            client_assertion: await assertion(machine, { ...right, iss: MACHINE, sub: MACHINE }),
          };
      // Whose request is sent first changes from round to round.
      const order = round % 4 < 2 ? clients : clients.toReversed();
      const answers = await Promise.all(order.map((client) => present(client, form)));
      tally(counts, answers, isGrant ? "invalid_grant" : "invalid_client");
    }
    return counts;
  });
}

type Counting = { -readonly [Name in keyof AssertionCounts]: AssertionCounts[Name] };

interface Answered {
  readonly status: number;
  readonly error: unknown;
}

async function present(client: HttpClient, form: Readonly<Record<string, string>>): Promise<Answered> {
  const { status, body } = await client.send({ method: "POST", path: "/token", headers: FORM, body: new URLSearchParams(form).toString() });
  return { status, error: status === 0 ? undefined : (JSON.parse(body) as Record<string, unknown>)["error"] };
}

function tally(counts: Counting, answers: readonly Answered[], refusal: string): void {
  const granted = answers.filter(({ status }) => status === 200).length;
  if (granted > 1) counts.acceptedTwice += 1;
  if (granted === 0) counts.acceptedNever += 1;
  counts.serverErrors += answers.filter(({ status }) => status >= 500).length;
  counts.otherAnswers += answers.filter(({ status, error }) => status < 500 && status !== 200 && error !== refusal).length;
  if (at(answers, 1).status === 200) counts.wonBySecond += 1;
}

export function isGood(counts: AssertionCounts): boolean {
  return [counts.acceptedTwice, counts.acceptedNever, counts.serverErrors, counts.otherAnswers].every((count) => count === 0);
}

if (import.meta.main) {
  await report(async () => {
    const { rounds, store: name } = readOptions({ rounds: 1_000, store: "all" });
    const chosen = name === "all" ? STORES : [oneOf("store", name, STORES)];
    const found: [StoreKind, AssertionCounts][] = [];
    for (const store of chosen) found.push([store, await assertions({ store, rounds })]);
    return { counts: { figure: "assertions", ...Object.fromEntries(found) }, good: found.every(([, counts]) => isGood(counts)) };
  });
}
