/**
 * The process that talks to a token: one for each custodian, so that a module that hangs or crashes takes no issuer with it. It
 * holds session and login, answers one call after the other, and ends with its parent.
 */

import { CustodianError, KeyError } from "../../domain/ports.ts";
import { proves } from "../prove.ts";
import { askForNothing, createKey, describeKey, eraseKey, findPrivateKey, signWith } from "./keys.ts";
import { returnValueOf } from "./module.ts";
import type { Handle } from "./module.ts";
import type { Calls, Fault, Reply, Request, RingedKey, TokenKey } from "./protocol.ts";
import { closeToken, openToken, PinError } from "./token.ts";
import type { Token } from "./token.ts";

let opened: Token | undefined;
/** Private keys that were proved in this session. */
const handles = new Map<string, Handle>();

function token(): Token {
  if (opened === undefined) throw new SessionOverError();
  return opened;
}

class SessionOverError extends CustodianError {
  constructor() {
    super("the session was lost.");
  }
}

function close(): void {
  handles.clear();
  if (opened !== undefined) closeToken(opened);
  opened = undefined;
}

async function answer(request: Request): Promise<Calls[keyof Calls]["gives"]> {
  switch (request.name) {
    case "open":
      close();
      opened = await openToken(request.takes);
      return undefined;
    case "create":
      return createKey(token(), request.takes.algorithm, request.takes.temporaryLabel);
    case "adopt":
      return adopt(request.takes);
    case "bind":
      await bind(request.takes);
      return undefined;
    case "sign":
      return sign(request.takes);
    case "check":
      askForNothing(token());
      return undefined;
    case "erase":
      handles.clear();
      return eraseKey(token(), request.takes.uri);
  }
}

async function adopt({ uri, algorithm }: Calls["adopt"]["takes"]): Promise<TokenKey> {
  const key = describeKey(token(), uri, algorithm);
  await bind({ ...key, algorithm });
  return key;
}

async function sign({ key, signingInput }: Calls["sign"]["takes"]): Promise<string> {
  const privateKey = handles.get(nameOf(key)) ?? (await bind(key));
  return signWith(token(), privateKey, key.algorithm, signingInput).toString("base64url");
}

/** Looks it up and has it prove itself: after a session was lost, another key could have its name. */
async function bind(key: RingedKey): Promise<Handle> {
  const { custody, algorithm, publicJwk } = key;
  const privateKey = findPrivateKey(token(), custody, algorithm);
  const signer = { kid: custody, algorithm, sign: async (input: string) => signWith(token(), privateKey, algorithm, input) };
  if (!(await proves(signer, publicJwk))) throw new KeyError(`${custody} doesn't sign for the public key that the key ring has of it.`);
  handles.set(nameOf(key), privateKey);
  return privateKey;
}

function nameOf({ custody, algorithm, publicJwk }: RingedKey): string {
  return `${custody} ${algorithm} ${publicJwk.x}`;
}

/** Whatever a token answers that is not about one key may have cost the session: it begins again. */
function refusal(error: unknown): Pick<Reply & { ok: false }, "fault" | "message" | "isSetup" | "isClosed"> {
  const isKnown = error instanceof KeyError && !(error instanceof SessionOverError);
  if (!isKnown) close();
  const isClosed = opened === undefined;
  if (error instanceof KeyError) return { fault: faultOf(error), message: error.message, isSetup: error.isSetup, isClosed };
  const message = `the token can't be used now (${returnValueOf(error) ?? "the call failed"}).`;
  return { fault: "custodian", message, isSetup: false, isClosed };
}

function faultOf(error: KeyError): Fault {
  if (error instanceof PinError) return "pin";
  return error instanceof CustodianError ? "custodian" : "key";
}

function reply(message: Reply): void {
  // The parent may be gone.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/** One after the other: what a call found must not be from another session than the one it is used in. */
let queue = Promise.resolve();

process.on("message", (request: Request) => {
  queue = queue.then(async () => {
    try {
      reply({ id: request.id, ok: true, gives: await answer(request) });
    } catch (error) {
      reply({ id: request.id, ok: false, ...refusal(error) });
    }
  });
});

// A signal to the whole group is the parent's to follow: it still signs what it has begun.
process.on("SIGTERM", () => undefined).on("SIGINT", () => undefined);

// Nothing else keeps this process.
process.once("disconnect", close);
