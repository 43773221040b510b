/** Where a process of a test runs. */
export interface Host {
  readonly name: string;
  /** What it listens on and is reached at. */
  readonly address: string;
  /** What goes before a command so that it runs there. */
  readonly prefix: readonly string[];
}

/** This machine, as everybody on it sees it. */
export const LOOPBACK: Host = { name: "loopback", address: "127.0.0.1", prefix: [] };
