/**
 * What an issuer and the process that talks to its token say to each other: calls by id, in any number at once, each answered once.
 * As JSON, which costs less than the other form that Node.js has (43 µs there and back against 67).
 */

import type { JwkPublic, JwsAlgorithm } from "../../domain/ring.ts";

export interface TokenChoice {
  readonly modulePath: string;
  /** Its label, its serial number or its slot: one of them. */
  readonly token: string | undefined;
  readonly serial: string | undefined;
  readonly slotId: number | undefined;
}

/** A key of the ring: where its private part is, and the public part that it must sign for. */
export interface RingedKey {
  readonly custody: string;
  readonly algorithm: JwsAlgorithm;
  readonly publicJwk: JwkPublic;
}

export interface TokenKey {
  readonly kid: string;
  readonly custody: string;
  readonly publicJwk: JwkPublic;
}

/** By its name: what a call takes and what it gives. */
export interface Calls {
  /** Loads the module, finds the token and logs in. Every other call needs it first. */
  open: { readonly takes: TokenChoice & { readonly pin: string | undefined }; readonly gives: undefined };
  create: { readonly takes: { readonly algorithm: JwsAlgorithm; readonly temporaryLabel: string }; readonly gives: TokenKey };
  adopt: { readonly takes: { readonly uri: string; readonly algorithm: JwsAlgorithm }; readonly gives: TokenKey };
  /** Finds the private key and proves that it signs for the public one. */
  bind: { readonly takes: RingedKey; readonly gives: undefined };
  /** Gives the signature in base64url. */
  sign: { readonly takes: { readonly key: RingedKey; readonly signingInput: string }; readonly gives: string };
  /** Asks the token for something that changes nothing. */
  check: { readonly takes: undefined; readonly gives: undefined };
  erase: { readonly takes: { readonly uri: string }; readonly gives: boolean };
}

export type Request = {
  [Name in keyof Calls]: { readonly id: number; readonly name: Name; readonly takes: Calls[Name]["takes"] };
}[keyof Calls];

export type Reply =
  | { readonly id: number; readonly ok: true; readonly gives?: Calls[keyof Calls]["gives"] }
  | {
      readonly id: number;
      readonly ok: false;
      readonly fault: Fault;
      /** To follow the name of the token. */
      readonly message: string;
      /** As in `KeyError`. */
      readonly isSetup: boolean;
      /** The session is over: `open` comes first again. */
      readonly isClosed: boolean;
    };

/** What is at fault; `pin`: the token refused the PIN, which must not be tried again. */
export type Fault = "key" | "custodian" | "pin";
