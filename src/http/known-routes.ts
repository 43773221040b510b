/** Fastify answers 404 to a known path with a wrong method; RFC 9110 §15.5.6 asks for 405 with Allow. */

/** Which methods a path has. Fill it from the `onRoute` hook. */
export class KnownRoutes {
  readonly #routes: { readonly parts: readonly string[]; readonly methods: readonly string[] }[] = [];

  add(url: string, method: string | readonly string[]): void {
    this.#routes.push({ parts: url.split("/"), methods: [method].flat() });
  }

  /** The methods of a path without its query, in order; undefined where there is no such path. */
  allowed(path: string): readonly string[] | undefined {
    const parts = path.split("/");
    const methods = new Set(this.#routes.filter((route) => fits(route.parts, parts)).flatMap((route) => route.methods));
    return methods.size === 0 ? undefined : [...methods].sort();
  }
}

function fits(pattern: readonly string[], parts: readonly string[]): boolean {
  if (pattern.length !== parts.length) return false;
  return pattern.every((part, index) => (part.startsWith(":") ? parts[index] !== "" : part === parts[index]));
}
