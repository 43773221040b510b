/** Parses `redis://` and `rediss://` URLs. */

export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  /** TLS, with the certificate checked against the system's authorities (and NODE_EXTRA_CA_CERTS). */
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

const DEFAULT_PORT = 6379;
const DATABASE = /^\/?$|^\/([0-9]{1,4})$/;

/** `redis[s]://[user[:password]@]host[:port][/database]`. Throws `TypeError`; the message repeats nothing of the URL. */
export function parseRedisUrl(text: string): RedisTarget {
  if (!URL.canParse(text)) throw new TypeError("the Redis URL is malformed");
  const url = new URL(text);
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") throw new TypeError("the Redis URL must begin with redis:// or rediss://");
  if (url.hostname === "") throw new TypeError("the Redis URL names no host");
  if (url.search !== "" || url.hash !== "") throw new TypeError("the Redis URL must have no query and no fragment");
  const database = DATABASE.exec(url.pathname);
  if (database === null || url.port === "0") throw new TypeError("the Redis URL must end with host, port and at most a database number");
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    isTls: url.protocol === "rediss:",
    username: decoded(url.username),
    password: decoded(url.password),
    database: Number(database[1] ?? "0"),
  };
}

function decoded(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("the Redis URL's user or password is not percent-encoded");
  }
}
