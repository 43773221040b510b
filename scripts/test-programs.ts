/** The programs of the system that tests run. */
import type { SystemProgram } from "./system-program.ts";

export const REDIS_SERVER: SystemProgram = {
  commands: ["redis-server"],
  variable: "MINTMARK_REDIS_SERVER",
  packages: { "apt-get": "redis-server", dnf: "redis", apk: "redis" },
};

/** Makes certificates for servers of the tests. */
export const OPENSSL: SystemProgram = {
  commands: ["openssl"],
  variable: "MINTMARK_TEST_OPENSSL",
  packages: { "apt-get": "openssl", dnf: "openssl", apk: "openssl" },
};

export const CHROMIUM: SystemProgram = {
  commands: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
  variable: "MINTMARK_TEST_CHROMIUM",
  packages: { "apt-get": "chromium", dnf: "chromium", apk: "chromium" },
};

/** With its module venv: runs an emulator of AWS. */
export const PYTHON: SystemProgram = {
  commands: ["python3"],
  variable: "MINTMARK_TEST_PYTHON",
  packages: { "apt-get": "python3-venv", dnf: "python3", apk: "python3" },
};

/** Makes tokens in software; its package brings the PKCS#11 module along. */
export const SOFTHSM: SystemProgram = {
  commands: ["softhsm2-util"],
  variable: "MINTMARK_TEST_SOFTHSM2_UTIL",
  packages: { "apt-get": "softhsm2", dnf: "softhsm", apk: "softhsm" },
};
