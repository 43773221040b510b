/** A row as a request. */

import type { RawRequest } from "../../support/raw-exchange.ts";
import { cookieOf } from "./clients.ts";
import type { Row } from "./row.ts";
import { filled } from "./values.ts";
import type { Values } from "./values.ts";
import { PASSWORD } from "./world.ts";

const FORM = "application/x-www-form-urlencoded";

/**
 * What the file's rows spell for another design than ours (INTERFACE "Cookie delivery" wins):
 *
 * - `__Host-rt` is `__Host-mintmark-<client id>`;
 * - a refresh from the cookie is `POST /token` with the form `grant_type=refresh_token&client_id=web`, not a JSON `{}`;
 *   a form of the row's own gets the `client_id` that it leaves out;
 * - `(20000 x a)` is so many letters;
 * - `x-requested-with` stays, and nobody looks at it: the Origin decides;
 * - logins name their client (a request that names none is 401), and the disabled account's password is the right one.
 */
function translated({ input, area }: Row, clientId: string): Pick<Row["input"], "headers" | "body"> {
  const isRefresh = area === "cookie" && input.path === "{{COOKIE_REFRESH}}";
  const headers = Object.entries(input.headers ?? {}).map(([name, value]) => {
    if (isRefresh && name === "content-type") return [name, FORM] as const;
    return [name, typeof value === "string" ? cookies(value, clientId) : value.map((one) => cookies(one, clientId))] as const;
  });
  return { headers: Object.fromEntries(headers), body: isRefresh ? refreshBody(input.body, clientId) : loginBody(area, input.body) };
}

function cookies(value: string, clientId: string): string {
  return value.replaceAll("__Host-rt", cookieOf(clientId)).replace("(20000 x a)", "a".repeat(20_000));
}

function refreshBody(body: string | null | undefined, clientId: string): string {
  if (body === "{}" || body === null || body === undefined) return `grant_type=refresh_token&client_id=${clientId}`;
  return body.includes("client_id=") ? body : `${body}&client_id=${clientId}`;
}

function loginBody(area: string, body: string | null | undefined): string | null {
  if (body === null || body === undefined) return null;
  if (area !== "login" || body.includes('"client_')) return body;
  if (body.includes('"disabled"')) return JSON.stringify({ username: "disabled", password: PASSWORD, client_id: "app" });
  return body.replace(/^\{/, '{"client_id":"app",');
}

function repeated({ char, template, n }: NonNullable<Row["input"]["repeat"]>): string {
  if (template === undefined) return (char ?? "").repeat(n);
  return Array.from({ length: n }, (_, index) => template.replace("{i}", String(index))).join("");
}

/** The client whose session a row is about. */
export function clientOf({ id, area, clientId, input }: Row): string {
  const hasCookie = area === "cookie" || JSON.stringify(input.headers ?? {}).includes("{{COOKIE}}");
  return clientId ?? CLIENTS[id] ?? (hasCookie ? "web" : "app");
}

/** Rows of the file that need a client with other windows or lifetimes. */
const CLIENTS: Readonly<Record<string, string>> = {
  "te-017": "patient",
  "te-038": "absolute",
  "te-039": "idle",
  "te-042": "patient",
  "te-045": "patient",
  "te-101": "patient",
  "ck-016": "patient-web",
};

export function requestOf(row: Row, values: Values, path: string = String(row.input.path)): RawRequest {
  const { input } = row;
  const { headers, body } = translated(row, clientOf(row));
  const lines = Object.entries(headers ?? {}).flatMap(([name, value]) => [value].flat().map((one) => [name, filled(one, values)] as const));
  const text = body === null || body === undefined ? "" : filled(body, values);
  // A repetition of assertions is a row of its own: it has neither `char` nor `template`.
  const more = input.repeat === undefined || row.area === "login" ? "" : repeated(input.repeat);
  const bytes = input.raw?.body_hex === undefined ? Buffer.from(text + more) : Buffer.from(input.raw.body_hex, "hex");
  return { method: input.method, path: filled(path, values) + (input.path_query ?? ""), headers: lines, body: bytes };
}
