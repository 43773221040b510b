/** A process with verifiers of one language: tokens go in and verdicts come out, a line of JSON each. See test/interop/strangers. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { cleanEnvironment } from "../../test/support/server-process.ts";
import type { Missing, Opened, Presented, Setting, Surrounding, Verdict } from "./types.ts";

const START_MILLIS_MAX = 60_000;
const ANSWER_MILLIS_MAX = 20_000;

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

interface Report {
  readonly verifiers: Readonly<Record<string, { readonly version: string } | Missing>>;
}

export async function openHost(command: readonly string[], cwd: string, setting: Setting): Promise<Surrounding | Missing> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { cwd, env: cleanEnvironment(), stdio: ["pipe", "pipe", "inherit"] });
  running.add(child);
  const kill = (): void => void child.kill("SIGKILL");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("close", () => resolve());
  });
  // A host that ended breaks its pipe; the answer that does not come says so.
  child.stdin.on("error", () => undefined);

  const ask = async (question: object, limitMillis: number): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    const timer = setTimeout(kill, limitMillis);
    const { value, done } = await lines.next();
    clearTimeout(timer);
    if (done === true) throw new Error("it ended, or did not answer in time");
    return JSON.parse(value) as unknown;
  };
  const close = async (): Promise<void> => {
    child.stdin.end();
    const timer = setTimeout(kill, 2_000);
    await ended;
    clearTimeout(timer);
    running.delete(child);
  };

  let last: Promise<unknown> = Promise.resolve();
  /** One question at a time: answers have no names. */
  const verdictOn = (verifier: string, { token, audience, alg }: Presented): Promise<Verdict> => {
    const answer = last.then(() => ask({ verifier, token, audience, alg }, ANSWER_MILLIS_MAX) as Promise<Verdict>);
    last = answer.catch(() => undefined);
    return answer;
  };
  try {
    const { verifiers } = (await ask(setting, START_MILLIS_MAX)) as Report;
    const opened = Object.entries(verifiers).map(([name, one]): [string, Opened] => {
      return [name, "missing" in one ? one : { version: one.version, verify: (presented) => verdictOn(name, presented) }];
    });
    return { verifiers: new Map(opened), close };
  } catch {
    await close();
    return { missing: "its host process did not start" };
  }
}
