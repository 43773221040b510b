/** application/x-www-form-urlencoded as RFC 6749 App. B means it, strictly: what could be read in two ways is refused. */

import { isUtf8 } from "node:buffer";
import { invalidRequest, type Rejection } from "./refuse.ts";

/** Names and values; an empty value stands for an absent parameter. */
export type Form = ReadonlyMap<string, string>;

/** More than any grant has. */
const PARAMETER_LIMIT = 64;
const CONTROL = /\p{Cc}/u;

const TOO_MANY = invalidRequest("the form has too many parameters");
const REPEATED = invalidRequest("a parameter is repeated");
const MALFORMED = invalidRequest("the form is not properly encoded UTF-8 text without control characters");

/** A piece of a form, percent-decoded with `+` as space; undefined where it is malformed or has control characters. */
export function decodeFormPiece(piece: string): string | undefined {
  try {
    const decoded = isPlain(piece) ? piece : decodeURIComponent(piece.replaceAll("+", " "));
    return CONTROL.test(decoded) ? undefined : decoded;
  } catch {
    return undefined;
  }
}

/** It says what it spells. */
function isPlain(text: string): boolean {
  return !text.includes("%") && !text.includes("+");
}

/** Parses a form body. Repeated parameters are refused (RFC 6749 §3.2), also empty and unknown ones. */
export function parseForm(body: Buffer): Form | Rejection {
  if (!isUtf8(body)) return MALFORMED;
  const text = body.toString("utf8");
  // Most forms are, and are looked through once instead of piece by piece.
  const decode = isPlain(text) && !CONTROL.test(text) ? asItIs : decodeFormPiece;
  const form = new Map<string, string>();
  for (let start = 0; start < text.length; ) {
    const ampersand = text.indexOf("&", start);
    const end = ampersand === -1 ? text.length : ampersand;
    if (end > start) {
      if (form.size === PARAMETER_LIMIT) return TOO_MANY;
      const fault = addParameter(form, text.slice(start, end), decode);
      if (fault !== undefined) return fault;
    }
    start = end + 1;
  }
  return form;
}

function asItIs(piece: string): string {
  return piece;
}

function addParameter(form: Map<string, string>, text: string, decode: typeof decodeFormPiece): Rejection | undefined {
  const equals = text.indexOf("=");
  const name = decode(equals === -1 ? text : text.slice(0, equals));
  const value = decode(equals === -1 ? "" : text.slice(equals + 1));
  // Nobody sends that name in good faith, and somewhere behind us it may become a prototype.
  if (name === undefined || value === undefined || name === "__proto__") return MALFORMED;
  if (form.has(name)) return REPEATED;
  form.set(name, value);
  return undefined;
}

/** A parameter's value; an empty one is absent (RFC 6749 §3.2). */
export function parameter(form: Form, name: string): string | undefined {
  const value = form.get(name);
  return value === "" ? undefined : value;
}
