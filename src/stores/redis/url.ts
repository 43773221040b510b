/** Parses the URLs of a store in Redis. */

export interface Node {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `host:port`: a name for it, not a URL. */
export function addressOf({ host, port }: Node): string {
  return `${host}:${port}`;
}

/** How to be let in. */
export interface Access {
  /** TLS, with the certificate checked against the system's authorities (and NODE_EXTRA_CA_CERTS). */
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export type RedisTarget = Access &
  (
    | { readonly kind: "single"; readonly node: Node; readonly database: number }
    | { readonly kind: "sentinel"; readonly sentinels: readonly Node[]; readonly name: string; readonly database: number }
    | { readonly kind: "cluster"; readonly seeds: readonly Node[] }
  );

const DEFAULT_PORT = 6379;
const DATABASE = /^\/?$|^\/([0-9]{1,4})$/;
const SEVERAL = /^redis(s?)\+(sentinel|cluster):\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^?#]*))?$/;
const NODE = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([1-9][0-9]{0,4})$/;
const PRIMARY_NAME = /^([A-Za-z0-9._-]+)(?:\/([0-9]{1,4}))?$/;

/**
 * `redis[s]://[user[:password]@]host[:port][/database]`, `redis[s]+sentinel://[…@]host:port,…/name[/database]` or
 * `redis[s]+cluster://[…@]host:port,…`. User and password are the data servers'. Throws `TypeError`; the message repeats nothing of the URL.
 */
export function parseRedisUrl(text: string): RedisTarget {
  const several = SEVERAL.exec(text);
  return several === null ? singleTarget(text) : severalTarget(several);
}

function singleTarget(text: string): RedisTarget {
  if (!URL.canParse(text)) throw new TypeError("the Redis URL is malformed");
  const url = new URL(text);
  if (url.protocol !== "redis:" && url.protocol !== "rediss:")
    throw new TypeError("the Redis URL must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://");
  if (url.hostname === "") throw new TypeError("the Redis URL names no host");
  if (url.search !== "" || url.hash !== "") throw new TypeError("the Redis URL must have no query and no fragment");
  const database = DATABASE.exec(url.pathname);
  if (database === null || url.port === "0") throw new TypeError("the Redis URL must end with host, port and at most a database number");
  return {
    kind: "single",
    node: { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: url.port === "" ? DEFAULT_PORT : Number(url.port) },
    isTls: url.protocol === "rediss:",
    username: decoded(url.username),
    password: decoded(url.password),
    database: Number(database[1] ?? "0"),
  };
}

function severalTarget([, tls, kind, user = "", hosts = "", path = ""]: RegExpExecArray): RedisTarget {
  const nodes = hosts.split(",").map(node);
  const [username = "", ...password] = user.split(":");
  const access = { isTls: tls === "s", username: decoded(username), password: decoded(password.join(":")) };
  if (kind === "cluster") {
    if (path !== "") throw new TypeError("the URL of a Redis Cluster must end with its hosts: a cluster has one database");
    return { kind: "cluster", seeds: nodes, ...access };
  }
  const named = PRIMARY_NAME.exec(path);
  if (named === null) throw new TypeError("the Sentinel URL must end with the name of the primary and at most a database number");
  return { kind: "sentinel", sentinels: nodes, name: named[1] ?? "", database: Number(named[2] ?? "0"), ...access };
}

function node(text: string): Node {
  const [, address, name = "", port] = NODE.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new TypeError("the Redis URL must name hosts with their ports, host:port,host:port");
  return { host: address ?? name, port: Number(port) };
}

function decoded(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("the Redis URL's user or password is not percent-encoded");
  }
}
