/** `clients`: what a confidential client needs. */

import { base64url } from "../domain/bytes.ts";
import { EXIT, printJson } from "./context.ts";
import type { Context, ExitCode } from "./context.ts";

const SECRET_BYTES = 32;

/** Makes a secret and the digest of its text, which alone goes into the configuration. */
export async function makeSecret(context: Context, options: { readonly json?: boolean }): Promise<ExitCode> {
  const secret = base64url(context.dependencies.random(SECRET_BYTES));
  const secretSha256 = context.dependencies.sha256Hex(secret);
  if (options.json) return printJson(context, { secret, secretSha256 });
  context.print(`secret        ${secret}`);
  context.print(`secretSha256  ${secretSha256}`);
  context.say("give the secret to the client, and put secretSha256 into the configuration; the secret is not kept anywhere");
  return EXIT.done;
}
