import type { StoreFinding } from "../../domain/ports.ts";
import { parseStrictJson } from "../../domain/json.ts";

const TIMEOUT_MILLIS = 3_000;
const subject = "issuer URL";

/** Whether resource servers find this issuer where its tokens say it is (RFC 8414 §3.3). */
export async function inspectIssuer(issuer: string, fetchUrl: typeof fetch): Promise<StoreFinding[]> {
  const url = `${issuer}/.well-known/oauth-authorization-server`;
  try {
    const response = await fetchUrl(url, { redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MILLIS) });
    if (!response.ok) {
      await response.body?.cancel();
      return [wrong(`${url} answers ${response.status}`)];
    }
    const parsed = parseStrictJson(await response.text());
    if (!parsed.ok || typeof parsed.value !== "object" || parsed.value === null)
      return [wrong(`${url} answers something else than metadata`)];
    if (!("issuer" in parsed.value) || parsed.value.issuer !== issuer) return [wrong(`${url} says that it is another issuer`)];
    return [{ severity: "ok", subject, finding: `${issuer} answers with this issuer's metadata` }];
  } catch {
    const finding = `${issuer} does not answer from here`;
    return [{ severity: "hint", subject, finding, advice: "start the server; if it runs, see DNS, TLS and the proxy before it" }];
  }
}

function wrong(finding: string): StoreFinding {
  return { severity: "fault", subject, finding, advice: "let issuer be the URL under which the proxy or this server is reached" };
}
