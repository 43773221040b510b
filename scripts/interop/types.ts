/** What the parts of `npm run interop` say to each other. */

/** `alg` as it stands in the header of an access token: RFC 7518 §3.4, RFC 8037 §3.1, RFC 9864 §2.2. */
export const ALGORITHMS = ["ES256", "EdDSA", "Ed25519"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

export interface Resource {
  readonly audience: string;
  readonly alg: Algorithm;
}

/** What a resource server is told about the issuer. */
export interface Setting {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly resources: readonly Resource[];
}

/** A token as it comes to the resource server `audience`, which expects `alg`. */
export interface Presented extends Resource {
  readonly token: string;
}

export type Verdict = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** A verifier that was opened, or why it could not be. */
export type Opened = { readonly version: string; verify(presented: Presented): Promise<Verdict> } | Missing;

/** One surrounding of verifiers: a language with its packages, or a web server. */
export interface Surrounding {
  /** By the name of the verifier. Those that are not there could not be opened. */
  readonly verifiers: ReadonlyMap<string, Opened>;
  close(): Promise<void>;
}

/** What is not there on this machine. */
export interface Missing {
  readonly missing: string;
}

/** Installs what a surrounding needs; the function that opens it comes later, when there is an issuer. */
export type PrepareSurrounding = () => Promise<((setting: Setting) => Promise<Surrounding | Missing>) | Missing>;
