/**
 * How long a response may be kept, seconds: `max-age` of its Cache-Control less its Age (RFC 9111 §4.2.1, §4.2.3), 0 where
 * it may not be kept or says nonsense, undefined where it says nothing. Both arguments are header fields as received.
 */
export function maxAgeOf(cacheControl: string | undefined, age: string | undefined): number | undefined {
  const directives = (cacheControl ?? "")
    .toLowerCase()
    .split(",")
    .map((directive) => directive.trim());
  if (directives.some((directive) => directive === "no-store" || directive === "no-cache")) return 0;
  const maxAges = directives.filter((directive) => /^max-age(?:=|$)/.test(directive));
  if (maxAges.length === 0) return undefined;
  // RFC 9111 §4.2.1: where directives conflict or are invalid, the response is best taken as stale.
  const seconds = Math.min(...maxAges.map((directive) => Number(/^max-age="?([0-9]+)"?$/.exec(directive)?.[1] ?? 0)));
  return Math.max(0, seconds - Number(/^[0-9]+$/.exec(age ?? "")?.[0] ?? 0));
}
