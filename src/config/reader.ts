/**
 * Readers: each knows how to read one kind of value, what it expects in words, and its JSON Schema, so that program,
 * messages, schema and documentation say the same.
 */

import { hint } from "./nearest.ts";
import type { Place } from "./place.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

type Whole = string | number | boolean | null | undefined | Uint8Array;

/**
 * What could be read of `T`. A member or item with a fault is there and undefined; an optional member that was left out
 * is not there (`Object.hasOwn`). Without any fault it is a `T`.
 */
export type Seen<T> = T extends Whole
  ? T
  : T extends readonly (infer Item)[]
    ? readonly (Seen<Item> | undefined)[]
    : { readonly [Name in keyof T]?: Seen<T[Name]> | undefined };

export interface Reader<In, Out> {
  /** Completes "expected …". */
  readonly expected: string;
  readonly schema: JsonSchema;
  /** Members of an object, or of the objects in a list. */
  readonly members?: Members;
  /** Notes what is wrong at `place`, all of it, and returns what could be read. */
  read(value: unknown, place: Place): Seen<Out> | undefined;
  /** Only for types: what may stand in the document, and what it is read to. */
  readonly types?: { readonly input: In; readonly output: Out };
}

type Presence = "required" | "optional";

export interface Member<In = unknown, Out = unknown, Needed extends Presence = Presence, Given extends Presence = Presence> {
  readonly reader: Reader<In, Out>;
  readonly meaning: string;
  /** Whether the document must have it. */
  readonly needed: Needed;
  /** Whether it is always there after reading. */
  readonly given: Given;
  /** What is read where the document leaves it out. */
  readonly fallback?: In;
  /** Says what an optional member defaults to. */
  readonly otherwise?: string;
}

export type Members = Readonly<Record<string, Member>>;

export function required<In, Out>(reader: Reader<In, Out>, meaning: string): Member<In, Out, "required", "required"> {
  return { reader, meaning, needed: "required", given: "required" };
}

export function optional<In, Out>(reader: Reader<In, Out>, otherwise: string, meaning: string): Member<In, Out, "optional", "optional"> {
  return { reader, meaning, needed: "optional", given: "optional", otherwise };
}

export function defaulted<In, Out>(
  reader: Reader<In, Out>,
  fallback: NoInfer<In>,
  meaning: string,
): Member<In, Out, "optional", "required"> {
  return { reader, meaning, needed: "optional", given: "required", fallback };
}

type InOf<M> = M extends Member<infer In> ? In : never;
type OutOf<M> = M extends Member<unknown, infer Out> ? Out : never;
type NamesWhere<M, Key extends "needed" | "given", P extends Presence> = {
  [Name in keyof M]: M[Name] extends Readonly<Record<Key, P>> ? Name : never;
}[keyof M];
type Flat<T> = { readonly [Name in keyof T]: T[Name] };
type ObjectIn<M> = Flat<
  { readonly [Name in NamesWhere<M, "needed", "required">]: InOf<M[Name]> } & {
    readonly [Name in NamesWhere<M, "needed", "optional">]?: InOf<M[Name]> | undefined;
  }
>;
type ObjectOut<M> = Flat<
  { readonly [Name in NamesWhere<M, "given", "required">]: OutOf<M[Name]> } & {
    readonly [Name in NamesWhere<M, "given", "optional">]?: OutOf<M[Name]> | undefined;
  }
>;

export type InputOf<R> = R extends Reader<infer In, unknown> ? In : never;
export type OutputOf<R> = R extends Reader<unknown, infer Out> ? Out : never;

/**
 * A value that is read whole. `parse` returns undefined for one that is not as expected; `explain` may then say more
 * precisely what is wrong, without a word of the value.
 */
export function whole<In, Out>(
  expected: string,
  schema: JsonSchema,
  parse: (value: unknown) => Out | undefined,
  explain: (value: unknown) => string | undefined = () => undefined,
): Reader<In, Out> {
  return {
    expected,
    schema,
    read(value, place) {
      const out = parse(value);
      return out === undefined ? place.fault(explain(value) ?? `expected ${expected}`) : (out as Seen<Out>);
    },
  };
}

/** A list in which no two items may be the same, as told by `identity`. */
export function list<In, Out>(
  item: Reader<In, Out>,
  limits: { readonly min?: number; readonly max: number },
  identity: (seen: Seen<Out>) => unknown = (seen) => seen,
): Reader<readonly In[], readonly Out[]> {
  const min = limits.min ?? 0;
  const expected = `a list of ${min} to ${limits.max} items, each ${item.expected}`;
  return {
    expected,
    schema: { type: "array", minItems: min, maxItems: limits.max, uniqueItems: true, items: item.schema },
    ...(item.members && { members: item.members }),
    read(value, place) {
      if (!Array.isArray(value)) return place.fault(`expected ${expected}`);
      if (value.length < min || value.length > limits.max) return place.fault(`expected ${expected}`);
      const known = new Set<unknown>();
      const seen = value.map((entry: unknown, index) => {
        const read = item.read(entry, place.item(index));
        const name = read === undefined ? undefined : identity(read);
        if (name !== undefined && known.has(name)) place.item(index).fault("is the same as an item before it: each may stand here once");
        known.add(name);
        return read;
      });
      return seen;
    },
  };
}

/** An object with these members and no others. */
export function object<M extends Members>(members: M): Reader<ObjectIn<M>, ObjectOut<M>> {
  const names = Object.keys(members);
  const entries = Object.entries(members);
  return {
    expected: "an object",
    schema: {
      type: "object",
      additionalProperties: false,
      properties: Object.fromEntries(entries.map(([name, member]) => [name, memberSchema(member)])),
      required: entries.filter(([, member]) => member.needed === "required").map(([name]) => name),
    },
    members,
    read(value, place) {
      if (!isObject(value)) return place.fault("expected an object");
      for (const name of Object.keys(value)) {
        if (!Object.hasOwn(members, name)) place.member(name).fault(`unknown member${hint(name, names)}`);
      }
      const seen: Record<string, unknown> = {};
      for (const [name, member] of entries) {
        const given = Object.hasOwn(value, name) ? value[name] : undefined;
        if (given === undefined && member.given === "optional") continue;
        seen[name] = readMember(given, member, place.member(name));
      }
      const result: unknown = seen;
      return result as Seen<ObjectOut<M>>;
    },
  };
}

/** The same, or `false` where it is not wanted at all. */
export function orFalse<In, Out>(reader: Reader<In, Out>): Reader<In | false, Out | false> {
  const expected = `${reader.expected}, or false`;
  return {
    expected,
    schema: { anyOf: [reader.schema, { const: false }] },
    ...(reader.members && { members: reader.members }),
    read(value, place) {
      if (value === false) return false;
      if (!isObject(value)) return place.fault(`expected ${expected}`);
      return reader.read(value, place);
    },
  };
}

function readMember(value: unknown, member: Member, place: Place): unknown {
  if (value !== undefined) return member.reader.read(value, place);
  if (member.needed === "required") return place.fault(`is missing: expected ${member.reader.expected}`);
  return member.reader.read(member.fallback, place);
}

function memberSchema(member: Member): JsonSchema {
  const description = member.reader.members ? member.meaning : `${member.meaning} Expected: ${member.reader.expected}.`;
  return {
    description,
    ...member.reader.schema,
    ...(member.fallback !== undefined && { default: member.fallback }),
  };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
