/** What the description says may be sent is sent, to an issuer that really decides; `injected` checks each answer against it. */

import t, { type Test } from "tap";
import fc, { runs } from "../support/fast-check.ts";
import { pointerTo } from "../support/described.ts";
import {
  bodiesOf,
  type Choice,
  type Described,
  type MemberSchema,
  type Method,
  type Named,
  namedOf,
  RealEdge,
  requestOf,
  sendTo,
  type Values,
  type Vocabulary,
} from "./described-requests.ts";
import { description } from "./support.ts";

const operations: readonly Described[] = description.operations.map(([method, path, operation]) => ({
  method: method as Method,
  path,
  operation,
}));

/** One of each, of all lists. */
function product<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((rows, list) => rows.flatMap((row) => list.map((one) => [...row, one])), [[]]);
}

type Entry = readonly [name: string, value: Values[string]] | undefined;

/** The values that a name may have, and its absence where it isn't required. */
function entriesOf({ name, required, schema }: Named, known: readonly Values[string][]): readonly Entry[] {
  const listed = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  const values = listed ?? known.filter((value) => fits(schema, value));
  if (values.length === 0) throw new Error(`nobody said what ${name} is`);
  return [...(required ? [] : [undefined]), ...values.map((value) => [name, value] as const)];
}

function fits(schema: MemberSchema, value: Values[string]): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some((one) => fits(one, value));
  return (typeof value === "string") === (schema.type === "string");
}

/** Few of what is optional, or nearly all of it: all combinations of a dozen parameters would be too many. */
function isTelling(combination: readonly Entry[], named: readonly Named[]): boolean {
  const absent = combination.filter((entry) => entry === undefined).length;
  const optional = named.filter(({ required }) => !required).length;
  return absent <= 1 || optional - absent <= 3;
}

/** The description's own judgement of a body. */
function bodyFault({ method, path }: Described, mediaType: string, members: Values): string | undefined {
  const at = pointerTo("paths", path, method.toLowerCase(), "requestBody", "content", mediaType, "schema");
  return description.schemaFault(at, members);
}

function membersOf(values: Values, named: readonly Named[]): Values {
  const names = new Set(named.filter((one) => one.in === "body").map(({ name }) => name));
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
}

/** The header, and the way there is none. */
function schemesOf({ operation }: Described): readonly (string | undefined)[] {
  return operation.security.length === 0 ? [undefined] : operation.security.map((one) => Object.keys(one)[0]);
}

/** All requests by one client under one security scheme; how many were granted. */
async function sendAs(
  t: Test,
  edge: RealEdge,
  described: Described,
  scheme: string | undefined,
  clientId: string,
  seen: Set<number>,
): Promise<number> {
  const { method, path, operation } = described;
  const vocabulary = edge.vocabulary(clientId);
  let granted = 0;
  for (const body of bodiesOf(operation)) {
    const named = namedOf(operation, body?.[1]);
    const entries = await Promise.all(named.map(async (one) => entriesOf(one, await vocabulary(one.name))));
    for (const combination of product(entries).filter((one) => isTelling(one, named))) {
      const values = await fresh(combination, named, vocabulary);
      if (body !== undefined) t.equal(bodyFault(described, body[0], membersOf(values, named)), undefined);
      const authorization = await edge.authorization(scheme, clientId);
      const headers = await edge.browserHeaders(clientId);
      const choice: Choice = { values, headers, mediaType: body?.[0], ...(authorization === undefined ? {} : { authorization }) };
      const answer = await sendTo(edge.app, requestOf(described, choice));
      seen.add(answer.status);
      if (answer.status < 400) granted += 1;
      if ([413, 414, 415, 500, 503].includes(answer.status)) t.fail(`${method} ${path} ${Object.keys(values).join()}: ${answer.body}`);
    }
  }
  return granted;
}

/** The values of a combination, made anew where the vocabulary made them: some are good once. */
async function fresh(combination: readonly Entry[], named: readonly Named[], vocabulary: Vocabulary): Promise<Values> {
  const values: [string, Values[string]][] = [];
  for (const entry of combination) {
    if (entry === undefined) continue;
    const [name, value] = entry;
    const schema = named.find((one) => one.name === name)?.schema ?? {};
    const isListed = schema.enum !== undefined || schema.const !== undefined;
    const again = isListed ? [] : (await vocabulary(name)).filter((one) => Array.isArray(one) === Array.isArray(value));
    values.push([name, again[0] ?? value]);
  }
  return Object.fromEntries(values);
}

async function sendAll(t: Test, edge: RealEdge, described: Described): Promise<void> {
  const { method, path, operation } = described;
  const seen = new Set<number>();
  for (const scheme of schemesOf(described)) {
    let granted = 0;
    for (const clientId of edge.actors(scheme)) granted += await sendAs(t, edge, described, scheme, clientId, seen);
    t.ok(granted > 0, `${method} ${path} is granted with ${scheme ?? "no Authorization"}`);
  }
  const good = Object.keys(operation.responses)
    .map(Number)
    .filter((status) => status < 400);
  t.same([...seen].filter((status) => status < 400).sort(), good, "each good answer was given");
}

t.test("all that is described, with and without what is optional", async (t) => {
  const edge = await RealEdge.make(t);
  for (const described of operations) await sendAll(t, edge, described);
});

/** Values of a schema, as wild as it allows. */
function arbitraryOf(schema: MemberSchema, isHeader: boolean): fc.Arbitrary<Values[string]> {
  const { anyOf, items, pattern, minLength = 0, maxLength = 64 } = schema;
  const listed = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  if (listed !== undefined) return fc.constantFrom(...listed);
  if (anyOf !== undefined) return fc.oneof(...anyOf.map((one) => arbitraryOf(one, isHeader)));
  if (items !== undefined) return fc.array(arbitraryOf(items, isHeader) as fc.Arbitrary<string>, { maxLength: 3 });
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  const unit = isHeader ? "grapheme-ascii" : "grapheme";
  return fc.string({ unit, minLength, maxLength: Math.min(maxLength, 64) });
}

/** Requests that fit an operation, filled with anything or with what is known. */
async function requestsOf({ operation }: Described, vocabulary: Vocabulary): Promise<fc.Arbitrary<Choice>> {
  const each = bodiesOf(operation).map(async (body) => {
    const named = namedOf(operation, body?.[1]);
    const members = named.map(async ({ name, schema, in: place }) => {
      const minLength = place === "path" ? { minLength: 1 } : {};
      const wild = arbitraryOf({ ...schema, ...minLength }, place === "header");
      const values = (await vocabulary(name)).filter((value) => fits(schema, value));
      return [name, values.length === 0 ? wild : fc.oneof(wild, fc.constantFrom(...values))] as const;
    });
    const requiredKeys = named.filter(({ required }) => required).map(({ name }) => name);
    const record = fc.record(Object.fromEntries(await Promise.all(members)), { requiredKeys });
    return record.map((values) => ({ values: values as Values, mediaType: body?.[0] }));
  });
  return fc.oneof(...(await Promise.all(each)));
}

t.test("anything that fits the description gets an answer that does, and breaks nothing", async (t) => {
  const edge = await RealEdge.make(t);
  for (const described of operations) {
    const statuses = new Set<number>();
    const requests = await requestsOf(described, edge.vocabulary("backend"));
    const schemes = fc.constantFrom(undefined, ...schemesOf(described));
    const property = fc.asyncProperty(requests, schemes, async (choice, scheme) => {
      // A path that ends in dots is another path (RFC 3986 §5.2.4).
      if (choice.values["sid"] === "." || choice.values["sid"] === "..") return;
      const authorization = await edge.authorization(scheme, "backend");
      const request = requestOf(described, { ...choice, ...(authorization === undefined ? {} : { authorization }) });
      const answer = await sendTo(edge.app, request);
      statuses.add(answer.status);
      if (answer.status >= 500) throw new Error(`${answer.status} ${answer.body}`);
    });
    await fc.assert(property, { numRuns: runs(60) });
    t.ok(statuses.size > 0, `${described.method} ${described.path}: ${[...statuses].sort().join(", ")}`);
  }
});
