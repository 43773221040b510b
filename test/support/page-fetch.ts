/** fetch as a browser gives it to a page: an origin that it can't hide, cookies that it can't read, CORS (Fetch standard §3.3). */

/** Shared by all tabs. */
export interface BrowserProfile {
  /** By host and name. */
  readonly cookies: Map<string, Map<string, string>>;
  /** Of one origin. */
  readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
}

export function newProfile(): BrowserProfile {
  const items = new Map<string, string>();
  return {
    cookies: new Map(),
    storage: {
      getItem: (name) => items.get(name) ?? null,
      setItem: (name, value) => void items.set(name, value),
      removeItem: (name) => void items.delete(name),
    },
  };
}

/** The one under the pages, whatever a test puts in its place later. */
const network = globalThis.fetch;

const SAFE_METHODS = ["GET", "HEAD", "POST"];
const SAFE_TYPES = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

/** Of a page on `origin`. Hosts are addresses of this machine, so that same host means same site. */
export function pageFetch(origin: string, { cookies }: BrowserProfile): typeof fetch {
  return async (input, init = {}) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const isForeign = url.origin !== origin;
    const withCookies = init.credentials === "include" || !isForeign;
    if (isForeign && needsPreflight(request)) await preflight(request, origin, withCookies);

    const headers = new Headers(request.headers);
    if (isForeign || request.method !== "GET") headers.set("origin", origin);
    headers.set("sec-fetch-site", isForeign ? "same-site" : "same-origin");
    const jar = cookies.get(url.hostname) ?? new Map<string, string>();
    if (withCookies && jar.size > 0) headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    const body = request.method === "GET" || request.method === "HEAD" ? null : await request.text();
    const response = await network(url, { method: request.method, headers, body, redirect: "manual", signal: request.signal });
    if (withCookies) keepCookies(response, jar);
    cookies.set(url.hostname, jar);
    if (isForeign) mustShare(response, origin, withCookies);
    return response;
  };
}

function needsPreflight({ method, headers }: Request): boolean {
  const type = headers.get("content-type")?.split(";")[0] ?? "text/plain";
  return !SAFE_METHODS.includes(method) || !SAFE_TYPES.includes(type) || unsafeHeaders(headers).length > 0;
}

function unsafeHeaders(headers: Headers): string[] {
  const isUnsafe = (name: string): boolean => name !== "content-type" || !SAFE_TYPES.includes(headers.get(name)?.split(";")[0] ?? "");
  return [...headers.keys()].filter(isUnsafe);
}

async function preflight({ url, method, headers }: Request, origin: string, withCookies: boolean): Promise<void> {
  const wanted = unsafeHeaders(headers);
  const asked = { origin, "access-control-request-method": method, "access-control-request-headers": wanted.join(",") };
  const response = await network(url, { method: "OPTIONS", headers: asked });
  mustShare(response, origin, withCookies);
  const listed = (name: string): string[] => (response.headers.get(name) ?? "").toLowerCase().split(/, */);
  const isAllowed = SAFE_METHODS.includes(method) || listed("access-control-allow-methods").includes(method.toLowerCase());
  if (!response.ok || !isAllowed || wanted.some((name) => !listed("access-control-allow-headers").includes(name))) throw blocked();
}

function mustShare({ headers }: Response, origin: string, withCookies: boolean): void {
  const isShared = headers.get("access-control-allow-origin") === origin;
  if (!isShared || (withCookies && headers.get("access-control-allow-credentials") !== "true")) throw blocked();
}

function blocked(): TypeError {
  return new TypeError("Failed to fetch");
}

function keepCookies({ headers }: Response, jar: Map<string, string>): void {
  for (const line of headers.getSetCookie()) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (/; *Max-Age=0(;|$)/i.test(line)) jar.delete(name);
    else jar.set(name, value);
  }
}
