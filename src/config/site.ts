import { getDomain } from "tldts";

/** True where browsers take two origins for one site: same scheme, same registrable domain by the Public Suffix List. */
export function isSameSite(a: string, b: string): boolean {
  return siteOf(a) === siteOf(b);
}

function siteOf(origin: string): string {
  const { protocol, hostname } = new URL(origin);
  // An address and a name without a registrable domain, such as localhost, are sites of their own.
  return `${protocol}//${getDomain(hostname, { allowPrivateDomains: true }) ?? hostname}`;
}
