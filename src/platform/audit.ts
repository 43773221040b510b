/** The audit log: which events of the issuer are worth a line, and how loud. */

import type { IssuerEvent, Listener } from "../domain/events.ts";
import type { Logger, LogLevel } from "./log.ts";

/** Undefined: counted, not logged; ordinary refreshes are the bulk of the work. */
function levelOf(event: IssuerEvent): LogLevel | undefined {
  switch (event.event) {
    case "refresh":
      return refreshLevel(event.outcome);
    case "login":
      return event.outcome === "granted" ? "info" : "warn";
    case "client_credentials":
    case "keys":
      return undefined;
    case "assertion_refused":
    case "assertion_replayed":
      return "warn";
    case "store_warning":
      return event.severity === "hint" ? "info" : "warn";
    case "store_emptied":
    case "ends_restored":
    case "ring_repaired":
    case "clock_differs":
    case "trouble":
      return "error";
    default:
      return "info";
  }
}

function refreshLevel(outcome: (IssuerEvent & { event: "refresh" })["outcome"]): LogLevel | undefined {
  if (outcome === "replayed" || outcome === "healed" || outcome === "client_mismatch") return "warn";
  return undefined;
}

export function auditListener(logger: Logger): Listener {
  return (event) => {
    const level = levelOf(event);
    if (level === undefined) return;
    const { event: name, ...fields } = event;
    logger[level](name, fields);
  };
}
