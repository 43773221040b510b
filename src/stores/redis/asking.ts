import type { Channel } from "./commands.ts";

/** Each command behind ASKING: a server to which a slot is being moved takes it then, and only then (Redis Cluster specification, "ASK redirection"). */
export function asking(channel: Channel): Channel {
  return {
    deadline: () => channel.deadline(),
    send(name, args, deadline, encoding) {
      channel.send("asking", [], deadline).catch(() => undefined);
      return channel.send(name, args, deadline, encoding);
    },
  };
}
