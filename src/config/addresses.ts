import { isIP } from "node:net";
import { isLoopbackHost } from "../domain/loopback.ts";

/** True where `text` is exactly the canonical origin (RFC 6454 §6.2) of an http: or https: URL. */
export function isOrigin(text: string): boolean {
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return false;
  const { origin, port } = new URL(text);
  return origin === text && port !== "0";
}

/** A host as `listen` takes it: a name, an IPv4 address, or an IPv6 address without brackets. */
export function isHost(text: string): boolean {
  return isIP(text) !== 0 || /^(?!.*\.\.)[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/.test(text);
}

/** True where only this machine can reach the host of an origin. */
export function isLoopback(origin: string): boolean {
  return isLoopbackHost(new URL(origin).hostname);
}

/** The origin of an http: server, canonical; undefined where there is none. */
export function originOf(host: string, port: number): string | undefined {
  const url = `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

/** True for an address that means "every interface": no client can reach it by that. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || originOf(host, 1) === "http://[::]:1";
}

/** RFC 8707 §2: an absolute URI (RFC 3986 §4.3), which has no fragment. */
export function isAbsoluteUri(text: string): boolean {
  return (
    text.length <= 512 &&
    /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/.test(text) &&
    URL.canParse(text)
  );
}

/** An https: URL without user info or fragment; http: only on loopback. */
export function isFetchable(text: string): boolean {
  if (!isAbsoluteUri(text)) return false;
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.origin));
}

/** An address, or a network in CIDR notation (RFC 4632 §3.1). */
export function isNetwork(text: string): boolean {
  const match = /^([0-9A-Fa-f.:]+)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text);
  const version = isIP(match?.[1] ?? "");
  if (version === 0) return false;
  return Number(match?.[2] ?? 0) <= (version === 4 ? 32 : 128);
}
