/** What operators type and write, right and wrong; what they are told. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Home } from "../../support/issuer-process.ts";
import { PASSWORD, WRONG } from "./actors.ts";

/** Everything that the command line said. */
export async function atTheCommandLine(home: Home): Promise<string> {
  const said: string[] = [];
  const run = async (argv: readonly string[], stdin = ""): Promise<void> => {
    const { code, stdout, stderr } = await home.command(argv, { stdin });
    said.push(`${argv[0]} ended with ${code}`, stdout, stderr);
  };
  await run(["users", "add", "birdie", "--password-stdin"], `${PASSWORD}\n`);
  await run(["users", "add", "another", "--password-stdin"], `${WRONG.slice(0, 4)}\n`);
  await run(["users", "add", "another", PASSWORD], `${PASSWORD}\n`);
  await run(["users", "add", "another", `--password=${PASSWORD}`]);
  await run(["users", "passwd", "birdie", "--password-stdin"], `${PASSWORD}\n`);
  await run(["users", "list", "--json"]);
  await run(["keys", "list", "--json"]);
  await run(["keys", "list", "--mac", "--json"]);
  await run(["keys", "export"]);
  await run(["keys", "stage"]);
  await run(["sessions", "list", "--sub", "sub-birdie", "--json"]);
  await run(["config", "check"]);
  await run(["doctor", "--json"]);
  return said.join("\n");
}

/** Configurations with secrets where they don't belong, and secrets that are no good; what `config check` and a start say. */
export async function withFaultyConfigurations(home: Home, secrets: FaultySecrets): Promise<string> {
  const said: string[] = [];
  const { privateJwk, secret, encryptionKey } = secrets;
  const client = { type: "confidential", grants: ["client_credentials"], resources: ["https://api.example.com"], scopes: ["read"] };
  const faults: Readonly<Record<string, unknown>>[] = [
    { clients: [{ ...client, id: "a", secretSha256: secret }] },
    { clients: [{ ...client, id: "a", secret, clientSecret: secret }] },
    { clients: [{ ...client, id: secret + secret + secret, secretSha256: "0" }] },
    { clients: [{ ...client, id: "a", jwks: { keys: [privateJwk] } }] },
    { clients: [{ ...client, id: "a", jwksUri: `http://user:${secret}@elsewhere.example/jwks` }] },
    { clients: [{ ...client, id: "a", jwksUri: `http://elsewhere.example/jwks?key=${secret}` }] },
    { store: `redis://:${secret}@/` },
    { store: `redis://:${secret}@127.0.0.1:1?password=${secret}` },
    { store: `redis://:${secret}@127.0.0.1:1` },
    { keys: { encryptionKeyFile: encryptionKey } },
    { keys: { store: `vault://${secret}` } },
    { refreshToken: { retryWindow: secret } },
    { unknown: secret, trustedProxies: [secret], issuer: `https://${secret}@auth.example.com` },
  ];
  const path = join(home.folder, "faulty.json");
  for (const fault of faults) {
    writeFileSync(
      path,
      JSON.stringify({ listen: { port: 1 }, resources: [{ id: "https://api.example.com", scopes: ["read"] }], clients: [], ...fault }),
    );
    for (const argv of [["config", "check"], ["doctor"]] as const) {
      const { stdout, stderr } = await home.command(argv, { env: { MINTMARK_CONFIG: path } });
      said.push(stdout, stderr);
    }
  }
  writeFileSync(path, `{ "clients": [ { "secret": "${secret}", ] }`);
  for (const env of [
    { MINTMARK_CONFIG: path },
    { MINTMARK_KEY_ENCRYPTION_KEY: `${encryptionKey}x` },
    { MINTMARK_STORE: `redis:/${secret}` },
  ]) {
    const server = home.launch(env);
    said.push(`serve ended with ${await server.ended}`, server.stdout(), server.stderr());
  }
  writeFileSync(path, "{}");
  return said.join("\n");
}

export interface FaultySecrets {
  readonly secret: string;
  readonly encryptionKey: string;
  readonly privateJwk: Readonly<Record<string, unknown>>;
}
