/** The table of commands: names, arguments, options and help; what each does is in its own file. */

import { Command, Option } from "commander";
import { makeSecret } from "./clients.ts";
import { checkConfig } from "./config-check.ts";
import type { Context, ExitCode } from "./context.ts";
import { examine } from "./doctor.ts";
import { importKeys, rewrapKeys } from "./keys-private-parts.ts";
import { exportKeys, listKeys, promoteKey, pruneKeys, revokeKeys, rotateKeys, stageKeys } from "./keys.ts";
import { keysStatus } from "./keys-status.ts";
import { serve } from "./serve.ts";
import { listSessions, revokeSessions } from "./sessions.ts";
import { serveWorker } from "./workers/serve-worker.ts";
import { addUser, changePassword, disableUser, enableUser, listUsers, removeUser } from "./users.ts";

const EXIT_CODES = `
Data goes to stdout, everything else to stderr. Exit codes:
  0 done, 1 failed, 2 wrong use or wrong configuration, 3 refused as unsafe

Configuration: mintmark.config.json here, or the file that MINTMARK_CONFIG names.`;

type Handler<Arguments extends unknown[]> = (context: Context, ...args: Arguments) => ExitCode | Promise<ExitCode>;

/** @param finish gets the exit code of the command that was run */
export function createProgram(context: Context, finish: (code: ExitCode) => void): Command {
  const does =
    <Arguments extends unknown[]>(handler: Handler<Arguments>) =>
    async (...args: Arguments): Promise<void> =>
      finish(await handler(context, ...args));

  const program = new Command("mintmark")
    .description("Asymmetric-key token service: access tokens that anyone can verify, refresh tokens that can be revoked.")
    .version(context.dependencies.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .addHelpText("after", EXIT_CODES);

  program
    .command("serve")
    .description("run the issuer until SIGTERM or SIGINT")
    .action(does((context) => serve(context)));
  program.command("worker", { hidden: true }).description("what serve forks").action(does(serveWorker));
  addKeys(program.command("keys").description("signing keys and MAC keys"), does);
  addUsers(program.command("users").description("accounts of the built-in login"), does);
  addSessions(program.command("sessions").description("who is logged in"), does);
  const clients = program.command("clients").description("confidential clients");
  clients.command("secret").description("make a client secret and its secretSha256").addOption(json()).action(does(makeSecret));
  const config = program.command("config").description("the configuration");
  config.command("check").description("validate the configuration, list every fault").action(does(checkConfig));
  program
    .command("doctor")
    .description("check clock, store, key ring, permissions and issuer URL, and say what to do")
    .option("--accept-empty-store", "go on with a store that was emptied: every session of before is over")
    .addOption(json())
    .action(does(examine));
  return program;
}

type Does = <Arguments extends unknown[]>(handler: Handler<Arguments>) => (...args: Arguments) => Promise<void>;

function addKeys(keys: Command, does: Does): void {
  keys
    .command("list")
    .description("keys with algorithm, state, age and what happens next, drawn as a timeline")
    .option("--mac", "the MAC keys of refresh tokens instead of the signing keys")
    .addOption(json())
    .action(does(listKeys));
  keys
    .command("status")
    .description("which verifiers have fetched a staged key, and whether it may sign")
    .argument("[KID]", "the whole kid (default: all staged and active signing keys)")
    .addOption(json())
    .action(does(keysStatus));
  keys.command("stage").description("publish a new key that may sign later").addOption(algorithm()).action(does(stageKeys));
  keys
    .command("rotate")
    .description("plan the earliest change-over that costs no resource server an error")
    .addOption(algorithm().conflicts("mac"))
    .option("--mac", "the MAC keys of refresh tokens")
    .option("--dry-run", "show what would be done, change nothing")
    .action(does(rotateKeys));
  addForce(
    keys
      .command("promote")
      .description("make a staged key sign now")
      .usage("<KID> [options]")
      .argument("<KID>", "the whole kid")
      .option("--wait-until-seen <NAME...>", "first wait until these verifiers (address, User-Agent or its product) have fetched it")
      .option("--deadline <D>", "how long to wait for them at most, such as 10m"),
    "promote a key that is too young",
  ).action(does(promoteKey));
  addForce(
    keys
      .command("revoke")
      .description("take a key out at once and let the staged one sign")
      .argument("[KID]", "the whole kid")
      .option("--all", "every signing key")
      .option("--mac", "with --all, the MAC keys too: ends every session"),
    "let a staged key sign that is too young",
  ).action(does(revokeKeys));
  keys.command("prune").description("erase the private parts of what is revoked, or was retired a day ago").action(does(pruneKeys));
  keys.command("export").description("print the public JWK Set").action(does(exportKeys));
  keys
    .command("import")
    .description("take in a key, or move private parts to keys.store")
    .argument("<SOURCE>", 'a PEM or JWK file ("-": stdin), the URI of a key in a custodian, or file: or shared for all that is there')
    .addOption(algorithm("of the key in a custodian (default: ES256)"))
    .action(does(importKeys));
  keys.command("rewrap").description("seal the private parts again under the new key-encryption key").action(does(rewrapKeys));
}

function addUsers(users: Command, does: Does): void {
  const passwordStdin = (): Option => new Option("--password-stdin", "read the password as one line of stdin");
  users
    .command("add")
    .description("add an account; asks for the password at a terminal")
    .argument("<NAME>", "the user name")
    .addOption(passwordStdin())
    .option("--sub <S>", "the subject of its tokens (default: 22 random characters)")
    .option("--claims <JSON>", "claims that go into its access tokens, a JSON object")
    .action(does(addUser));
  users
    .command("passwd")
    .description("change a password and end all sessions of the account")
    .argument("<NAME>", "the user name")
    .addOption(passwordStdin())
    .action(does(changePassword));
  users.command("disable").description("refuse logins and end all sessions").argument("<NAME>", "the user name").action(does(disableUser));
  users.command("enable").description("allow logins again").argument("<NAME>", "the user name").action(does(enableUser));
  users
    .command("remove")
    .description("remove the account and end all sessions")
    .argument("<NAME>", "the user name")
    .action(does(removeUser));
  users.command("list").description("list the accounts").addOption(json()).action(does(listUsers));
}

function addSessions(sessions: Command, does: Does): void {
  sessions
    .command("list")
    .description("list a subject's sessions")
    .requiredOption("--sub <S>", "the subject")
    .addOption(json())
    .action(does(listSessions));
  sessions
    .command("revoke")
    .description("end sessions: of a subject, of a client, or all")
    .option("--sub <S>", "of this subject")
    .option("--sid <I>", "only this one of the subject")
    .option("--client <C>", "of this client")
    .option("--all", "of everyone")
    .option("--issued-before <T>", "only those that began before T: RFC 3339, or seconds since the epoch")
    .action(does(revokeSessions));
}

function json(): Option {
  return new Option("--json", "print JSON");
}

function algorithm(meaning = "only keys of this algorithm (default: all signing keys)"): Option {
  return new Option("--alg <A>", meaning).choices(["ES256", "EdDSA"]);
}

function addForce(command: Command, what: string): Command {
  return command
    .option("--force", `${what}, although it may cost someone something`)
    .option("--reason <R>", "why; goes into the line that this command logs to stderr");
}
