/** `users`: accounts of the built-in login. */

import type { Config } from "../config.ts";
import { assertedBy } from "../domain/policy.ts";
import { parseClaims } from "../domain/claims.ts";
import { checkUsername, normalizeUsername } from "../domain/password-policy.ts";
import type { AccountListing, Done, Failed, Operator } from "../issuer/types.ts";
import { EXIT, failed, printJson, wrongUse } from "./context.ts";
import type { Context, ExitCode } from "./context.ts";
import { operate, reportDone, withConfig, withOperator } from "./open.ts";
import { readNewPassword } from "./password-input.ts";
import { shortTimestamp, table, timestamp } from "./text.ts";

const SUB_MAX_CHARACTERS = 255;

export interface AddUserOptions {
  readonly passwordStdin?: boolean;
  readonly sub?: string;
  readonly claims?: string;
}

export async function addUser(context: Context, name: string, options: AddUserOptions): Promise<ExitCode> {
  const fault = checkUsername(name);
  if (fault !== undefined) return wrongUse(context, fault);
  const parsed = options.claims === undefined ? undefined : parseClaims(options.claims);
  if (parsed?.ok === false) return wrongUse(context, parsed.message);

  return withConfig(context, async (config) => {
    const subFault = options.sub === undefined ? undefined : checkSub(options.sub, config);
    if (subFault !== undefined) return wrongUse(context, subFault);
    const input = await readNewPassword(context, options.passwordStdin === true, config.policy.login.minPasswordLength);
    if ("exit" in input) return input.exit;
    const account = { name: normalizeUsername(name), password: input.password, sub: options.sub, claims: parsed?.claims };
    return operate(context, config, async (operator) => reportAdded(context, config, await operator.addAccount(account)));
  });
}

function reportAdded(context: Context, config: Config, result: AccountListing | Failed): ExitCode {
  if ("failed" in result) return failed(context, result.failed);
  context.print(`name  ${result.name}`);
  context.print(`sub   ${result.sub}`);
  if (!config.policy.login.enabled) context.say("hint: login.enabled is false, so nobody can log in with it");
  return EXIT.done;
}

/** The subject of client credentials is the client's id: no account may have it. */
function checkSub(sub: string, config: Config): string | undefined {
  if (sub === "" || sub.length > SUB_MAX_CHARACTERS) return `--sub must be 1 to ${SUB_MAX_CHARACTERS} characters`;
  if (/\p{Cc}/u.test(sub) || !sub.isWellFormed()) return "--sub contains control characters or is not valid Unicode";
  if (config.policy.clients.has(sub)) return "--sub is the id of a client";
  return assertedBy(config.policy, sub) !== undefined ? "--sub begins with the subjectPrefix of a trusted issuer" : undefined;
}

export async function changePassword(context: Context, name: string, options: { readonly passwordStdin?: boolean }): Promise<ExitCode> {
  const fault = checkUsername(name);
  if (fault !== undefined) return wrongUse(context, fault);
  return withConfig(context, async (config) => {
    const input = await readNewPassword(context, options.passwordStdin === true, config.policy.login.minPasswordLength);
    if ("exit" in input) return input.exit;
    return operate(context, config, async (operator) =>
      reportDone(context, await operator.changePassword(normalizeUsername(name), input.password), "password changed, all sessions ended"),
    );
  });
}

export function disableUser(context: Context, name: string): Promise<ExitCode> {
  return changeAccount(context, name, (operator, found) => operator.disableAccount(found), "disabled, all sessions ended");
}

export function enableUser(context: Context, name: string): Promise<ExitCode> {
  return changeAccount(context, name, (operator, found) => operator.enableAccount(found), "enabled");
}

export function removeUser(context: Context, name: string): Promise<ExitCode> {
  return changeAccount(context, name, (operator, found) => operator.removeAccount(found), "removed, all sessions ended");
}

async function changeAccount(
  context: Context,
  name: string,
  change: (operator: Operator, name: string) => Promise<Done | Failed>,
  done: string,
): Promise<ExitCode> {
  const fault = checkUsername(name);
  if (fault !== undefined) return wrongUse(context, fault);
  return withOperator(context, async (operator) => reportDone(context, await change(operator, normalizeUsername(name)), done));
}

export function listUsers(context: Context, options: { readonly json?: boolean }): Promise<ExitCode> {
  return withOperator(context, async (operator) => {
    const accounts: AccountListing[] = [];
    for await (const account of operator.listAccounts()) accounts.push(account);
    accounts.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (options.json)
      return printJson(context, { users: accounts.map((account) => ({ ...account, createdAt: timestamp(account.createdAt) })) });
    if (accounts.length === 0) {
      context.say("no users yet: npx mintmark users add NAME");
      return EXIT.done;
    }
    const rows = accounts.map(({ name, sub, disabled, createdAt }) => [
      name,
      sub,
      disabled ? "disabled" : "enabled",
      shortTimestamp(createdAt),
    ]);
    context.print(table(["NAME", "SUB", "STATE", "CREATED"], rows));
    return EXIT.done;
  });
}
