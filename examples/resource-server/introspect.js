/** Whether a token that you verified yourself is still good at this moment. Rejects where the issuer can't say. */
export async function isActive(token, { issuer, clientId, clientSecret }) {
  const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString("base64");
  const response = await fetch(`${issuer}/introspect`, {
    method: "POST",
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams({ token }),
    signal: AbortSignal.timeout(2_000),
  });
  if (!response.ok) throw new Error(`introspection answered ${response.status}`);
  const { active } = await response.json();
  return active;
}
