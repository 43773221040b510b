/**
 * The stored form of a subject's document: binary, because its size is what a million sessions cost. Times are
 * absolute once and then differences; texts and names are spelled out, so that no configuration is needed to read it.
 */

import { ByteReader, ByteWriter, FormatError, fromBase64url } from "./bytes.ts";
import type { Bytes } from "./ports.ts";
import type { Checkpoint, GrantedResource, Session } from "./session.ts";
import { END_REASONS, type EndMark, type SubjectDocument } from "./subject.ts";

const FORMAT = 1;
const SID_BYTES = 16;
const EXCHANGE_KEY_BYTES = 16;
const PACKED_SUB_BYTES = 16;
const PACKED_SUB_LENGTH = 22;

/** What a document or a session has besides what every one has: a bit each, so that what is absent costs nothing. */
const HAS_PACKED_SUB = 1;
const HAS_NOT_BEFORE = 2;
const HAS_MARKS = 4;
const HAS_EXCHANGE_KEY = 1;
const HAS_CLAIMS = 2;
const HAS_WINDOW = 4;
const ALL_FLAGS = 7;

export function encodeSubject(document: SubjectDocument): Bytes {
  const { sub, notBefore, sessions, marks } = document;
  const isPacked = isPackable(sub);
  const flags = (isPacked ? HAS_PACKED_SUB : 0) | (notBefore === 0 ? 0 : HAS_NOT_BEFORE) | (marks.length === 0 ? 0 : HAS_MARKS);
  const writer = new ByteWriter().byte(FORMAT).byte(flags);
  if (isPacked) writer.base64url(sub, PACKED_SUB_BYTES);
  else writer.text(sub);
  if (notBefore !== 0) writer.number(notBefore);
  if (marks.length > 0) writeMarks(writer, marks);
  writer.number(sessions.length);
  for (const session of sessions) writeSession(writer, session);
  return writer.finish();
}

/** Throws `FormatError` on a format of another version. */
export function decodeSubject(bytes: Bytes): SubjectDocument {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== FORMAT) throw new FormatError("a subject's document has an unknown format");
  const flags = readFlags(reader);
  const sub = flags & HAS_PACKED_SUB ? reader.base64url(PACKED_SUB_BYTES) : reader.text();
  const notBefore = flags & HAS_NOT_BEFORE ? reader.number() : 0;
  const marks = flags & HAS_MARKS ? readMany(reader, readMark) : [];
  const sessions = readMany(reader, readSession);
  reader.end();
  return { sub, notBefore, sessions, marks };
}

function readFlags(reader: ByteReader): number {
  const flags = reader.byte();
  if (flags > ALL_FLAGS) throw new FormatError("a subject's document has what this version does not know");
  return flags;
}

/** The subs that we make ourselves are the base64url of 16 bytes; any other text is stored as it is. */
function isPackable(sub: string): boolean {
  return sub.length === PACKED_SUB_LENGTH && fromBase64url(sub) !== undefined;
}

function writeMarks(writer: ByteWriter, marks: readonly EndMark[]): void {
  writer.number(marks.length);
  for (const mark of marks) writer.base64url(mark.sid, SID_BYTES).number(mark.until).number(END_REASONS.indexOf(mark.reason));
}

function writeSession(writer: ByteWriter, session: Session): void {
  const { generation, checkpoints, exchangeKey, claims } = session;
  const hasWindow = checkpoints.length > 0 || session.oldestInWindow !== usualOldest(generation);
  writer.byte((exchangeKey === undefined ? 0 : HAS_EXCHANGE_KEY) | (claims === undefined ? 0 : HAS_CLAIMS) | (hasWindow ? HAS_WINDOW : 0));
  writer.base64url(session.sid, SID_BYTES).text(session.clientId);
  writer.number(session.createdAt).number(Math.max(0, session.absoluteEndAt - session.createdAt));
  writer
    .number(generation)
    .number(Math.max(0, session.generationAt - session.createdAt))
    .byte(session.macVersion);
  if (hasWindow) writeWindow(writer, session);
  if (exchangeKey !== undefined) writer.raw(exchangeKey);
  writer.text(session.userAgent).number(session.resources.length);
  for (const resource of session.resources) writer.text(resource.id).text(resource.scopes.join(" "));
  if (claims !== undefined) writer.text(claims);
}

/** A session that was not rotated twice within a window accepts the previous generation at most. */
function usualOldest(generation: number): number {
  return Math.max(1, generation - 1);
}

function writeWindow(writer: ByteWriter, { generation, generationAt, oldestInWindow, checkpoints }: Session): void {
  writer.number(generation - oldestInWindow).number(checkpoints.length);
  for (const { generation: superseded, at } of checkpoints) {
    writer.number(generation - superseded).number(Math.max(0, generationAt - at));
  }
}

function readSession(reader: ByteReader): Session {
  const flags = readFlags(reader);
  const sid = reader.base64url(SID_BYTES);
  const clientId = reader.text();
  const createdAt = reader.number();
  const absoluteEndAt = createdAt + reader.number();
  const generation = reader.number();
  const generationAt = createdAt + reader.number();
  const macVersion = reader.byte();
  const oldestInWindow = flags & HAS_WINDOW ? generation - reader.number() : usualOldest(generation);
  const checkpoints = flags & HAS_WINDOW ? readMany(reader, (from) => readCheckpoint(from, generation, generationAt)) : [];
  const exchangeKey = flags & HAS_EXCHANGE_KEY ? reader.raw(EXCHANGE_KEY_BYTES) : undefined;
  const userAgent = reader.text();
  const resources = readMany(reader, readResource);
  const claims = flags & HAS_CLAIMS ? reader.text() : undefined;
  return {
    sid,
    clientId,
    createdAt,
    absoluteEndAt,
    generation,
    generationAt,
    macVersion,
    exchangeKey,
    oldestInWindow,
    checkpoints,
    userAgent,
    resources,
    claims,
  };
}

function readCheckpoint(reader: ByteReader, generation: number, generationAt: number): Checkpoint {
  return { generation: generation - reader.number(), at: generationAt - reader.number() };
}

function readResource(reader: ByteReader): GrantedResource {
  const id = reader.text();
  const scopes = reader.text();
  return { id, scopes: scopes === "" ? [] : scopes.split(" ") };
}

function readMark(reader: ByteReader): EndMark {
  const sid = reader.base64url(SID_BYTES);
  const until = reader.number();
  const reason = END_REASONS[reader.number()];
  if (reason === undefined) throw new FormatError("a stored session ended for an unknown reason");
  return { sid, until, reason };
}

function readMany<T>(reader: ByteReader, readOne: (reader: ByteReader) => T): T[] {
  const many: T[] = [];
  for (let rest = reader.number(); rest > 0; rest--) many.push(readOne(reader));
  return many;
}
