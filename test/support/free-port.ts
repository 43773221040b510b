import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below those that the system gives out itself, so that it is not given away meanwhile. */
const PORTS = { from: 20_000, below: 32_000 };

export function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** A port of the loopback that nobody listens on. */
export async function freePort({ from, below } = PORTS): Promise<number> {
  for (;;) {
    const port = randomInt(from, below);
    if (await isPortFree(port)) return port;
  }
}
