/** Which routes an app has, by asking Fastify. */

import type { FastifyInstance } from "fastify";

/** `GET /sessions/:sid`, without the HEAD that comes with each GET and without preflights. The app must be ready. */
export function routesOf(app: FastifyInstance): Set<string> {
  const routes = new Set<string>();
  const path: string[] = [];
  // Fastify draws its routes as a tree; four characters are a level.
  for (const line of app.printRoutes().split("\n")) {
    const [, indent = "", part = "", methods] = /^((?:[│ ] {3})*)(?:├── |└── )(\S*)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    path.length = indent.length / 4;
    path.push(part);
    for (const method of methods?.split(", ") ?? [])
      if (method !== "HEAD" && method !== "OPTIONS") routes.add(`${method} ${path.join("")}`);
  }
  return routes;
}
