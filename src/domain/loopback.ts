/** True where the host of a URL, as it is spelled, is this machine (RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopbackHost(host: string): boolean {
  return isLocalhostName(host) || host === "[::1]" || /^127(?:\.\d+){3}$/.test(host);
}

/** True for the names that mean loopback whatever a resolver says (RFC 6761 §6.3). */
export function isLocalhostName(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost");
}
