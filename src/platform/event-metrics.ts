/** The issuer's events as numbers. */

import type { Listener } from "../domain/events.ts";
import type { Metrics } from "./metrics.ts";

export function metricsListener(metrics: Metrics): Listener {
  return (event) => {
    switch (event.event) {
      case "refresh":
        return metrics.count("mintmark_refreshes_total", { outcome: event.outcome });
      case "login":
        return metrics.count("mintmark_logins_total", { outcome: event.outcome });
      case "sessions_ended":
        return metrics.count("mintmark_session_ends_total", { reason: event.reason }, event.sids.length);
      case "store_emptied":
        return metrics.gauge("mintmark_store_emptied", {}, 1);
      case "store_accepted":
        return metrics.gauge("mintmark_store_emptied", {}, 0);
      case "keys":
        return metrics.resetKeys(event.counts);
      default:
        return undefined;
    }
  };
}
