/** A real Chromium, and where it finds the hosts of the tests. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext } from "playwright-core";
import type { Test } from "tap";
import { findProgram, skipWithout } from "../../scripts/system-program.ts";
import { CHROMIUM } from "../../scripts/test-programs.ts";

export const skipWithoutChromium: string | false = skipWithout(CHROMIUM) || skipWhereItFails();

/** Ubuntu's package is a script that says where to get the real one. */
function skipWhereItFails(): string | false {
  const path = findProgram(CHROMIUM) ?? "";
  return spawnSync(path, ["--version"]).status === 0 ? false : `${path} does not start`;
}

const START_MILLIS_MAX = 120_000;
/** For one step in a page, on a machine that does much else. */
const STEP_MILLIS_MAX = 60_000;

/** `hostPort`: where all names under `.test` are, as `127.0.0.1:<port>`; their pages and the issuer are on one front. */
function launchOptions(hostPort: string) {
  const executablePath = findProgram(CHROMIUM);
  if (executablePath === undefined) throw new Error("no chromium: the test should have been skipped");
  return {
    executablePath,
    timeout: START_MILLIS_MAX,
    args: [
      `--host-resolver-rules=MAP *.test ${hostPort}`,
      // Whoever runs the tests has a proxy or not.
      "--no-proxy-server",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  };
}

/** The front's certificate is its own. */
const CONTEXT = { ignoreHTTPSErrors: true };

function patient(context: BrowserContext): BrowserContext {
  context.setDefaultTimeout(STEP_MILLIS_MAX);
  return context;
}

/** Closed when the test is over. */
export async function openBrowser(t: Test, hostPort: string): Promise<Browser> {
  const browser = await chromium.launch(launchOptions(hostPort));
  t.teardown(() => browser.close());
  return browser;
}

/** A browser without any past: its own cookies, its own cache. */
export async function openContext(t: Test, browser: Browser): Promise<BrowserContext> {
  const context = patient(await browser.newContext(CONTEXT));
  t.teardown(() => context.close());
  return context;
}

/** Someone's own browser, that is closed and opened again. */
export class Profile {
  readonly #folder = mkdtempSync(join(tmpdir(), "mintmark-profile-"));
  readonly #hostPort: string;
  #context: BrowserContext | undefined;

  constructor(t: Test, hostPort: string) {
    this.#hostPort = hostPort;
    t.teardown(async () => {
      await this.close();
      rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
    });
  }

  async open(): Promise<BrowserContext> {
    this.#context = patient(await chromium.launchPersistentContext(this.#folder, { ...launchOptions(this.#hostPort), ...CONTEXT }));
    return this.#context;
  }

  async close(): Promise<void> {
    await this.#context?.close();
    this.#context = undefined;
  }
}
