/** Clients at work while servers come and go. */

import { Agent } from "node:http";
import { FORM } from "./client-calls.ts";
import { call } from "./http-call.ts";
import type { CallError } from "./http-call.ts";
import { pause } from "./wait.ts";

export interface Load {
  answered: number;
  closing: number;
  /** Requests that were begun on a connection and had no whole answer; and answers other than 200, which begin with their status. */
  cut: string[];
  /** Connections that nobody took. */
  refused: number;
}

export function newLoad(): Load {
  return { answered: 0, closing: 0, cut: [], refused: 0 };
}

interface Client {
  readonly agent: Agent;
  readonly url: string;
  token: string;
}

/** One exchange of the client's token. `denied`: an answer other than 200. */
async function exchange(client: Client, load: Load): Promise<"answered" | "denied" | "refused" | "cut"> {
  const body = new URLSearchParams({ grant_type: "refresh_token", client_id: "app", refresh_token: client.token }).toString();
  const headers = { ...FORM, connection: "keep-alive" };
  try {
    const answer = await call(`${client.url}/token`, { method: "POST", headers, body, agent: client.agent });
    if (answer.status !== 200) {
      load.cut.push(`${answer.status} ${answer.body}`);
      return "denied";
    }
    load.answered += 1;
    if (answer.headers["connection"] === "close") load.closing += 1;
    client.token = (JSON.parse(answer.body) as { refresh_token: string }).refresh_token;
    return "answered";
  } catch (error) {
    const { code, wasKept, message } = error as CallError;
    // A new connection that nobody took any more, at once or in the system's queue, cut no answer.
    const isRefused = code === "ECONNREFUSED" || (code === "ECONNRESET" && !wasKept);
    if (isRefused) load.refused += 1;
    else load.cut.push(code ?? message);
    return isRefused ? "refused" : "cut";
  }
}

function newClient(url: string, token: string): Client {
  return { agent: new Agent({ keepAlive: true, maxSockets: 1 }), url, token };
}

/** One kept-alive client that refreshes without a pause until the server is gone. */
export async function refreshOnAndOn(issuer: { readonly url: string }, refreshToken: string, load: Load): Promise<void> {
  const client = newClient(issuer.url, refreshToken);
  while ((await exchange(client, load)) === "answered");
  client.agent.destroy();
}

/**
 * One kept-alive client that refreshes until it is told to stop, and presents the same token again where it had no answer. An
 * answer other than 200 ends it. Resolves with its last token.
 */
export async function refreshAndRetry(
  issuer: { readonly url: string },
  refreshToken: string,
  load: Load,
  stop: AbortSignal,
): Promise<string> {
  const client = newClient(issuer.url, refreshToken);
  while (!stop.aborted) {
    const outcome = await exchange(client, load);
    if (outcome === "denied") break;
    if (outcome !== "answered") await pause(20);
  }
  client.agent.destroy();
  return client.token;
}
