#!/usr/bin/env node
/**
 * What a cron job, a systemd timer or a Kubernetes CronJob runs: `mintmark keys rotate` with the options given
 * (`--alg A`, `--mac`, `--dry-run`). Exit 0: done, or nothing was due; 1: failed, safe to run again; 2: wrong use or
 * configuration, which another run will not mend.
 */
process.argv.splice(2, 0, "keys", "rotate");
await import("../src/main.ts");
