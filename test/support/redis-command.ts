import { Redis } from "ioredis";

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** Without a username, the password of the default user. */
export interface RedisAuth {
  readonly username?: string;
  readonly password?: string;
}

export type RedisArgument = string | number | Buffer;

/** Sends one command on a connection of its own. Rejects where nobody listens or, if a limit is given, where the reply takes longer. */
export async function redisCommand(
  { host, port }: RedisAddress,
  auth: RedisAuth,
  [name, ...args]: readonly [string, ...RedisArgument[]],
  limitMillis?: number,
): Promise<unknown> {
  const limits = limitMillis === undefined ? {} : { connectTimeout: limitMillis, commandTimeout: limitMillis };
  const client = new Redis({ host, port, enableReadyCheck: false, retryStrategy: () => null, ...auth, ...limits });
  let failure: Error | undefined;
  client.on("error", (error) => {
    failure = error;
  });
  try {
    return await client.call(name, ...args);
  } catch (error) {
    // Why the connection failed says more than that it is closed.
    throw failure ?? error;
  } finally {
    client.disconnect();
  }
}
