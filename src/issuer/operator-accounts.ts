/** Accounts of the built-in login, as the operator manages them. A new password and a disabled account end all sessions. */

import { base64url } from "../domain/bytes.ts";
import type { Account } from "../domain/documents.ts";
import { normalizePassword, normalizeUsername } from "../domain/password-policy.ts";
import { assertedBy } from "../domain/policy.ts";
import { subjectKeyOf } from "../domain/refresh-token.ts";
import type { EndReason } from "../domain/subject.ts";
import { clockAgreed } from "./guards.ts";
import type { LoginParts } from "./parts.ts";
import type { AccountListing, Done, Failed, Operator } from "./types.ts";

type AccountCommands = Pick<
  Operator,
  "addAccount" | "changePassword" | "disableAccount" | "enableAccount" | "removeAccount" | "listAccounts"
>;

/** 128 bits and a little: 22 characters. */
const SUB_BYTES = 16;
const MAX_SUB_LENGTH = 255;
const NO_ACCOUNT: Failed = { failed: "there is no account of this name" };

export function accountCommands(parts: LoginParts): AccountCommands {
  const { accounts, keyRing } = parts;
  const agreed = async <T>(change: () => Promise<T>): Promise<T> => {
    await clockAgreed(keyRing);
    return change();
  };
  return {
    addAccount: (account) => agreed(() => addAccount(parts, account)),
    changePassword: (name, password) => agreed(() => changePassword(parts, name, password)),
    disableAccount: (name) =>
      agreed(() => changeAccount(parts, name, "disabled", (account) => ({ ...account, disabled: true }), "account_disabled")),
    enableAccount: (name) => agreed(() => changeAccount(parts, name, "enabled", (account) => ({ ...account, disabled: false }))),
    removeAccount: (name) => agreed(() => removeAccount(parts, name)),
    async *listAccounts() {
      for await (const account of accounts.all()) yield listing(account);
    },
  };
}

async function changePassword(parts: LoginParts, name: string, password: string): Promise<Done | Failed> {
  const passwordHash = await parts.context.passwords.hash(normalizePassword(password));
  return changeAccount(parts, name, "password", (account) => ({ ...account, passwordHash }), "password_changed");
}

type NewAccount = Parameters<Operator["addAccount"]>[0];

async function addAccount(parts: LoginParts, { name: typed, password, sub: wanted, claims }: NewAccount): Promise<AccountListing | Failed> {
  const { context, accounts } = parts;
  const name = normalizeUsername(typed);
  const sub = wanted ?? newSub(parts);
  const fault = wanted === undefined ? undefined : await subFault(parts, name, wanted);
  if (fault !== undefined) return { failed: fault };
  const account: Account = {
    name,
    sub,
    passwordHash: await context.passwords.hash(normalizePassword(password)),
    disabled: false,
    ...(claims === undefined || Object.keys(claims).length === 0 ? {} : { claims }),
    createdAt: context.clock(),
  };
  if ((await accounts.update(name, (existing) => (existing === undefined ? account : undefined))) !== undefined) {
    return { failed: "there is an account of this name already" };
  }
  context.emit({ event: "account_changed", change: "added", sub });
  return listing(account);
}

/** 22 characters, drawn again where a trusted issuer could assert the same. */
function newSub({ context }: LoginParts): string {
  for (;;) {
    const sub = base64url(context.random(SUB_BYTES));
    if (assertedBy(context.policy, sub) === undefined) return sub;
  }
}

/** RFC 9068 §5: a subject must not be mistaken for a client; nor for another account's. */
async function subFault({ context, accounts }: LoginParts, name: string, sub: string): Promise<string | undefined> {
  if (sub.length === 0 || sub.length > MAX_SUB_LENGTH || !/^[\x21-\x7e]+$/.test(sub))
    return `a sub is 1 to ${MAX_SUB_LENGTH} visible ASCII characters`;
  if (context.policy.clients.has(sub)) return "a sub must not be a client id";
  if (assertedBy(context.policy, sub) !== undefined) return "a sub must not begin with the subjectPrefix of a trusted issuer";
  for await (const account of accounts.all()) {
    if (account.sub === sub && account.name !== name) return "another account has this sub already";
  }
  return undefined;
}

/**
 * The account is written first, then the sessions end: a login that read the account before loses its swap against the
 * end. A repeat ends the sessions again, so that an unknown outcome can be made a known one.
 */
async function changeAccount(
  parts: LoginParts,
  typed: string,
  event: "password" | "disabled" | "enabled",
  change: (account: Account) => Account,
  reason?: EndReason,
): Promise<Done | Failed> {
  const { context, accounts } = parts;
  const before = await accounts.update(normalizeUsername(typed), (account) => (account === undefined ? undefined : change(account)));
  if (before === undefined) return NO_ACCOUNT;
  if (reason !== undefined) await endAllOf(parts, before.sub, reason);
  context.emit({ event: "account_changed", change: event, sub: before.sub });
  return { done: true };
}

/** The account goes last: whoever repeats the command has to find it, or its sessions would outlive it. */
async function removeAccount(parts: LoginParts, typed: string): Promise<Done | Failed> {
  const { context, accounts } = parts;
  const name = normalizeUsername(typed);
  const before = await accounts.update(name, (account) => (account === undefined ? undefined : { ...account, disabled: true }));
  if (before === undefined) return NO_ACCOUNT;
  await endAllOf(parts, before.sub, "account_removed");
  await accounts.update(name, (account) => (account === undefined ? undefined : "remove"));
  context.emit({ event: "account_changed", change: "removed", sub: before.sub });
  return { done: true };
}

async function endAllOf({ context, ends }: LoginParts, sub: string, reason: EndReason): Promise<void> {
  await ends.endAll(subjectKeyOf(context.policy.issuer, sub, context.digests), sub, ends.endOf(undefined, reason));
}

function listing({ name, sub, disabled, createdAt }: Account): AccountListing {
  return { name, sub, disabled, createdAt };
}
