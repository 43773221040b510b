/** `doctor`: looks at everything that can be seen from here and says what to do about each finding. */

import type { Config } from "../config.ts";
import type { StoreFinding } from "../domain/ports.ts";
import type { Operator } from "../issuer/types.ts";
import { sourceText } from "./config-check.ts";
import { EXIT, failed, printJson } from "./context.ts";
import type { Context, ExitCode, Style } from "./context.ts";
import { inspectClock } from "./doctor/clock.ts";
import { inspectIssuer } from "./doctor/issuer-url.ts";
import { inspectKeyFolder, inspectUnnamedKeys } from "./doctor/key-folder.ts";
import { inspectRing } from "./doctor/ring.ts";
import { failureText } from "./failures.ts";
import { operate, withConfig } from "./open.ts";
import { printable } from "./text.ts";

export type Finding = StoreFinding;

export interface DoctorOptions {
  readonly acceptEmptyStore?: boolean;
  readonly json?: boolean;
}

const STYLES: Readonly<Record<Finding["severity"], Style>> = { ok: "green", hint: "cyan", warning: "yellow", fault: "red" };

export function examine(context: Context, options: DoctorOptions): Promise<ExitCode> {
  return withConfig(context, async (config) => {
    if (options.acceptEmptyStore) {
      const code = await operate(context, config, async (operator) => acceptEmptyStore(context, operator));
      if (code !== EXIT.done) return code;
    }
    const findings = [
      ...inspectConfig(context, config),
      ...(await inspectThroughOperator(context, config)),
      ...(await inspectKeyFolder(config)),
      ...(await inspectIssuer(config.policy.issuer, context.dependencies.fetch)),
    ];
    return report(context, findings, options.json === true);
  });
}

async function acceptEmptyStore(context: Context, operator: Operator): Promise<ExitCode> {
  const result = await operator.acceptEmptyStore();
  if ("failed" in result) return failed(context, result.failed);
  context.say("the store is accepted as it is: every session of before is over");
  return EXIT.done;
}

function inspectConfig(context: Context, config: Config): Finding[] {
  const finding = sourceText(config, context.dependencies.workingDirectory);
  const source: Finding = config.isDefault
    ? { severity: "hint", subject: "configuration", finding, advice: "write a mintmark.config.json before others depend on this" }
    : { severity: "ok", subject: "configuration", finding };
  return [source, ...config.warnings.map((warning): Finding => ({ severity: "warning", subject: "configuration", finding: warning }))];
}

async function inspectThroughOperator(context: Context, config: Config): Promise<Finding[]> {
  const { clock, openOperator } = context.dependencies;
  let operator: Operator | undefined;
  try {
    operator = await openOperator(config);
    const found = [...(await operator.inspect()), ...(await inspectClock(operator, clock))];
    const keys = [...(await operator.listKeys(false)), ...(await operator.listKeys(true))];
    return [...found, ...inspectRing(operator, keys, clock()), ...(await inspectUnnamedKeys(config, keys, clock()))];
  } catch (error) {
    const finding = failureText(error);
    if (finding === undefined) throw error;
    return [
      { severity: "fault", subject: "store", finding, advice: "see that it runs, that store names it, and that this user may use it" },
    ];
  } finally {
    await operator?.close();
  }
}

function report(context: Context, findings: readonly Finding[], asJson: boolean): ExitCode {
  if (asJson) printJson(context, { findings });
  else for (const finding of findings) printFinding(context, finding);
  const count = (severity: Finding["severity"]): number => findings.filter((finding) => finding.severity === severity).length;
  const totals = (["fault", "warning", "hint"] as const).map(
    (severity) => `${count(severity)} ${severity}${count(severity) === 1 ? "" : "s"}`,
  );
  context.say(totals.join(", "));
  return count("fault") === 0 ? EXIT.done : EXIT.failed;
}

function printFinding(context: Context, { severity, subject, finding, advice }: Finding): void {
  context.print(`${context.paint(STYLES[severity], severity.padEnd(7))}  ${subject}: ${printable(finding)}`);
  if (advice !== undefined) context.print(`         → ${advice}`);
}
