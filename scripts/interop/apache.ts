/** Apache's httpd as a resource server: a location for each module and resource, which answers 200 to a good token. */

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChild } from "../figures/support/child.ts";
import { until } from "../figures/support/wait.ts";
import { freePort } from "../../test/support/redis.ts";
import { findOnPath } from "../system-program.ts";
import { installFromDebian, run, say, versionInDebian } from "./system.ts";
import type { Missing, Opened, PrepareSurrounding, Resource, Setting, Surrounding, Verdict } from "./types.ts";

const PACKAGES = ["apache2", "libapache2-mod-oauth2", "libapache2-mod-auth-openidc", "openssl"];
const MODULES = "/usr/lib/apache2/modules";
const OWN_MODULES = ["mpm_event", "authn_core", "authz_core", "authz_user", "dir", "proxy", "proxy_http", "ssl"];
const START_MILLIS_MAX = 15_000;

interface Guard {
  readonly package: string;
  /** mod_<name>.so, and the folder of its pages. */
  readonly name: string;
  /** For the whole server; `secureJwksUri` is the JWK Set by https:. */
  settings(secureJwksUri: string): readonly string[];
  /** For the location of a resource. */
  rules(setting: Setting, resource: Resource): readonly string[];
}

const GUARDS: Readonly<Record<string, Guard>> = {
  "Apache mod_oauth2": {
    package: "libapache2-mod-oauth2",
    name: "oauth2",
    settings: () => [],
    rules: ({ issuer, jwksUri }, { audience }) => [
      "AuthType oauth2",
      `OAuth2TokenVerify jwks_uri ${jwksUri} verify.exp=required`,
      ...required("oauth2_claim", issuer, audience),
    ],
  },
  "Apache mod_auth_openidc": {
    package: "libapache2-mod-auth-openidc",
    name: "auth_openidc",
    settings: (secureJwksUri) => [
      "OIDCCryptoPassphrase of-a-server-that-lives-for-minutes",
      `OIDCOAuthVerifyJwksUri ${secureJwksUri}`,
      "OIDCOAuthSSLValidateServer Off",
      "OIDCOAuthRemoteUserClaim sub",
    ],
    rules: ({ issuer }, { audience }) => ["AuthType oauth20", ...required("claim", issuer, audience)],
  },
};

function required(provider: string, issuer: string, audience: string): readonly string[] {
  return ["<RequireAll>", `Require ${provider} iss:${issuer}`, `Require ${provider} aud:${audience}`, "</RequireAll>"];
}

export const prepareApache: PrepareSurrounding = async () => {
  const isThere = (): boolean =>
    ["apache2", "openssl"].every((name) => findOnPath(name) !== undefined) &&
    Object.values(GUARDS).every(({ name }) => existsSync(join(MODULES, `mod_${name}.so`)));
  if (!isThere()) await installFromDebian(PACKAGES);
  const program = findOnPath("apache2");
  return program === undefined || !isThere()
    ? { missing: `no ${PACKAGES.join(", ")} from Debian` }
    : (setting) => openApache(program, setting);
};

async function openApache(program: string, setting: Setting): Promise<Surrounding | Missing> {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-apache-"));
  const ports = { open: await freePort(), secure: await freePort() };
  makePages(join(folder, "pages"), setting);
  await makeCertificate(folder);
  writeFileSync(join(folder, "httpd.conf"), `${configuration(folder, ports, setting).join("\n")}\n`);
  // httpd gives up root for a user of its own, who must be able to read the pages.
  chmodSync(folder, 0o755);
  const child = startChild(program, ["-X", "-f", join(folder, "httpd.conf")], { cwd: folder });
  const erase = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", erase);
  const close = async (): Promise<void> => {
    await child.stop();
    erase();
  };
  try {
    await until("apache2", () => answers(ports.open, child.hasEnded()), START_MILLIS_MAX);
  } catch {
    say(`apache2 did not start: ${child.tail()}${errorsIn(folder)}`);
    await close();
    return { missing: "apache2 did not start" };
  }
  const opened = Object.entries(GUARDS).map(async ([verifier, guard]): Promise<[string, Opened]> => {
    const version = await versionInDebian(guard.package);
    return [verifier, { version, verify: ({ token, alg }) => ask(ports.open, pathOf(guard, alg), token) }];
  });
  return { verifiers: new Map(await Promise.all(opened)), close };
}

function errorsIn(folder: string): string {
  const log = join(folder, "error.log");
  return existsSync(log) ? readFileSync(log, "utf8").slice(-2_000) : "";
}

async function answers(port: number, hasEnded: boolean): Promise<boolean> {
  if (hasEnded) throw new Error("it ended");
  const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status === 200;
}

async function ask(port: number, path: string, token: string): Promise<Verdict> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${token}` } });
  await response.body?.cancel();
  if (response.status === 200) return { ok: true };
  const said = /error_description="([^"]*)"/.exec(response.headers.get("www-authenticate") ?? "")?.[1];
  return { ok: false, why: said === undefined ? String(response.status) : `${response.status} ${said}` };
}

function pathOf({ name }: Guard, alg: string): string {
  return `/${name}/${alg}/`;
}

function makePages(pages: string, { resources }: Setting): void {
  const paths = Object.values(GUARDS).flatMap((guard) => resources.map(({ alg }) => pathOf(guard, alg)));
  for (const path of ["/", ...paths]) {
    mkdirSync(join(pages, path), { recursive: true });
    writeFileSync(join(pages, path, "index.html"), "ok\n");
  }
}

async function makeCertificate(folder: string): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", "key.pem"];
  await run("openssl", ["req", "-x509", ...key, "-subj", "/CN=127.0.0.1", "-days", "2", "-out", "cert.pem"], folder);
}

function configuration(folder: string, ports: { open: number; secure: number }, setting: Setting): readonly string[] {
  const guards = Object.values(GUARDS);
  const wellKnown = `${setting.issuer}/.well-known/`;
  const secureJwksUri = setting.jwksUri.replace(setting.issuer, `https://127.0.0.1:${ports.secure}`);
  return [
    `ServerRoot ${folder}`,
    "ServerName 127.0.0.1",
    `Listen 127.0.0.1:${ports.open}`,
    `Listen 127.0.0.1:${ports.secure}`,
    `PidFile ${folder}/pid`,
    `DefaultRuntimeDir ${folder}`,
    `Mutex file:${folder} default`,
    `ErrorLog ${folder}/error.log`,
    ...(process.getuid?.() === 0 ? ["User www-data", "Group www-data"] : []),
    // One process: what a module keeps in memory is seen by every request.
    "StartServers 1",
    "ServerLimit 1",
    "ThreadsPerChild 25",
    "MaxRequestWorkers 25",
    ...[...OWN_MODULES, ...guards.map(({ name }) => name)].map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`),
    `DocumentRoot ${folder}/pages`,
    "DirectoryIndex index.html",
    ...guards.flatMap((guard) => guard.settings(secureJwksUri)),
    ...guards.flatMap((guard) =>
      setting.resources.flatMap((resource) => [
        `<Location ${pathOf(guard, resource.alg)}>`,
        ...guard.rules(setting, resource),
        "</Location>",
      ]),
    ),
    // The issuer by https:, as a proxy in front of it would do it.
    `<VirtualHost 127.0.0.1:${ports.secure}>`,
    "SSLEngine on",
    `SSLCertificateFile ${folder}/cert.pem`,
    `SSLCertificateKeyFile ${folder}/key.pem`,
    `ProxyPass /.well-known/ ${wellKnown}`,
    "</VirtualHost>",
  ];
}
