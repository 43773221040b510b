/** Where documents are kept, as written; paths are not resolved yet. */
export type StoreTarget =
  | { readonly kind: "embedded"; readonly path: string }
  | { readonly kind: "redis"; readonly url: string }
  | { readonly kind: "sentinel"; readonly url: string }
  | { readonly kind: "cluster"; readonly url: string };

const NODES = String.raw`(?:[^\s@/]*@)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[1-9][0-9]{0,4}(?:,(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[1-9][0-9]{0,4})*`;
const SENTINEL = new RegExp(String.raw`^rediss?\+sentinel://${NODES}/[A-Za-z0-9._-]+(?:/[0-9]{1,4})?$`);
const CLUSTER = new RegExp(String.raw`^rediss?\+cluster://${NODES}/?$`);

export function parseStoreTarget(text: string): StoreTarget | undefined {
  const path = pathAfter("embedded:", text);
  if (path !== undefined) return { kind: "embedded", path };
  if (isRedisUrl(text)) return { kind: "redis", url: text };
  if (SENTINEL.test(text) && areGood(text)) return { kind: "sentinel", url: text };
  if (CLUSTER.test(text) && areGood(text)) return { kind: "cluster", url: text.replace(/\/$/, "") };
  return undefined;
}

/** User info and ports of a URL with several hosts. */
function areGood(text: string): boolean {
  const [, user = "", hosts = ""] = /^[a-z+]+:\/\/(?:([^@/]*)@)?([^/]+)/.exec(text) ?? [];
  return decodes(user) && hosts.split(",").every((host) => Number(/[0-9]+$/.exec(host)?.[0]) <= 65_535);
}

export function pathAfter(scheme: string, text: string): string | undefined {
  if (!text.startsWith(scheme)) return undefined;
  const path = text.slice(scheme.length);
  // "//…" is a URL with a host: these are paths.
  return path === "" || path.startsWith("//") || path.includes("\0") ? undefined : path;
}

/** redis: or rediss:, host, and at most user info, port and a database number: an option we would ignore is refused. */
function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\/[^\s?#]+$/.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.hostname === "" || url.port === "0" || !/^(?:\/(?:[0-9]{1,4})?)?$/.test(url.pathname)) return false;
  return decodes(url.username) && decodes(url.password);
}

function decodes(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
