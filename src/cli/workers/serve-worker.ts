/** `worker`: the issuer in one of several processes. What it would say, it says to the process that forked it. */

import { deepFreeze } from "../../config/freeze.ts";
import type { Config } from "../../config.ts";
import { EXIT, wrongUse } from "../context.ts";
import type { Context, ExitCode } from "../context.ts";
import { live } from "../life.ts";
import type { IssuerServer } from "../server.ts";
import type { FirstProcess } from "./first-process.ts";
import type { Answers, Question } from "./messages.ts";

/** The first process gives up before: this is for workers that have lost it. */
const GRACE_MILLIS = 9_500;

export async function serveWorker(context: Context): Promise<ExitCode> {
  const { worker } = context.dependencies;
  if (worker === undefined) return wrongUse(context, "workers are started by serve", 'set "workers" in the configuration');
  const { firstProcess, openServer } = worker;
  let server: IssuerServer | undefined;
  const { started, stop } = followOrders(context, firstProcess, async (question) => server?.[question]());
  await firstProcess.send({ kind: "hello" });
  const config = await started;
  if (config === undefined) return EXIT.done;
  return live({
    open: async () => (server = sayingBye(await openServer(config), firstProcess)),
    async begin(opened) {
      const { http } = await opened.listen();
      // Where nobody can log in with a password, nobody is asked for.
      const hasAccounts = !config.policy.login.enabled || (await opened.hasAccounts().catch(() => true));
      await firstProcess.send({ kind: "listening", http, hasAccounts });
    },
    tellFailure: ({ message, code }) => void firstProcess.send({ kind: "failed", line: message, code }),
    say: context.say,
    stop,
    graceMillis: GRACE_MILLIS,
  });
}

interface Orders {
  /** Undefined: it is to end instead. */
  readonly started: Promise<Config | undefined>;
  readonly stop: AbortSignal;
}

function followOrders(
  context: Context,
  firstProcess: FirstProcess,
  answer: (question: Question) => Promise<Answers[Question] | undefined>,
): Orders {
  const started = Promise.withResolvers<Config | undefined>();
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort();
    started.resolve(undefined);
  };
  firstProcess.onMessage((message) => {
    switch (message.kind) {
      case "start":
        return started.resolve(deepFreeze(message.config));
      case "stop":
        return stop();
      case "ask":
        return void answer(message.question)
          .catch(() => undefined)
          .then((said) => firstProcess.send({ kind: "answer", id: message.id, answer: said }));
    }
  });
  firstProcess.onGone(() => {
    if (!stopping.signal.aborted) context.say("the first process is gone: this worker ends");
    stop();
  });
  return { started: started.promise, stop: stopping.signal };
}

/** Its counts outlive it. */
function sayingBye(server: IssuerServer, firstProcess: FirstProcess): IssuerServer {
  return {
    ...server,
    async close() {
      await server.close();
      await firstProcess.send({ kind: "bye", metrics: await server.metrics() });
    },
  };
}
