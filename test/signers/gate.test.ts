import t from "tap";
import { CustodianError, KeyError } from "../../src/domain/ports.ts";
import { Gate } from "../../src/signers/gate.ts";

const never = () => new Promise<never>(() => undefined);

function gateOf(limits: { timeoutMillis?: number; maxInFlight?: number } = {}) {
  const world = { now: 0 };
  const gate = new Gate("the custodian", { timeoutMillis: 10_000, maxInFlight: 2, clock: () => world.now, ...limits });
  return { gate, world };
}

t.test("a call beyond the bound is refused at once, and its place comes free when one settles", async (t) => {
  const { gate } = gateOf();
  const first = Promise.withResolvers<number>();
  const running = gate.run(() => first.promise);
  void gate.run(never).catch(() => undefined);
  await t.rejects(gate.run(never), CustodianError);
  first.resolve(7);
  t.equal(await running, 7);
  t.equal(await gate.run(async () => 8), 8);
});

t.test("a call is given up at the time-out, its signal aborted, and keeps its place until it settles", async (t) => {
  const { gate } = gateOf({ timeoutMillis: 5, maxInFlight: 1 });
  const late = Promise.withResolvers<number>();
  let signal: AbortSignal | undefined;
  await t.rejects(
    gate.run((given) => {
      signal = given;
      return late.promise;
    }),
    { message: "the custodian: no answer within 5 ms." },
  );
  t.equal(signal?.aborted, true);
  await t.rejects(gate.run(never), { message: /1 calls are under way/ });
  late.resolve(1);
  await late.promise;
  await new Promise(setImmediate);
  t.equal(await gate.run(async () => 2), 2);
});

t.test("five failures in a row open the circuit; a second later one call is let through, and its success closes it", async (t) => {
  const { gate, world } = gateOf();
  let calls = 0;
  const failing = async (): Promise<number> => {
    calls += 1;
    throw new Error("secret words of an SDK");
  };
  for (let failure = 0; failure < 5; failure++) await t.rejects(gate.run(failing), { message: "the custodian: the call failed (Error)." });
  const says = {
    name: "CustodianError",
    isSetup: false,
    message: /^the custodian: the call failed \(Error\)\. Several calls in a row failed/,
  };
  await t.rejects(gate.run(failing), says, "with the cause");
  t.equal(calls, 5, "nothing is asked while it is open");

  world.now = 1_000;
  const probe = Promise.withResolvers<number>();
  const probing = gate.run(() => probe.promise);
  await t.rejects(gate.run(failing), CustodianError, "one call only");
  probe.reject(new Error("still down"));
  await t.rejects(probing, CustodianError);
  await t.rejects(gate.run(failing), CustodianError, "open for another second");

  world.now = 2_000;
  t.equal(await gate.run(async () => 1), 1);
  t.equal(await gate.run(async () => 2), 2);
  t.equal(calls, 5);
});

t.test("a refusal of a key is an answer: it neither opens the circuit nor is reworded", async (t) => {
  const { gate } = gateOf();
  const refusal = new KeyError("no such key");
  for (let call = 0; call < 8; call++) {
    const thrown = await gate
      .run(async () => {
        throw refusal;
      })
      .catch((error: unknown) => error);
    t.equal(thrown, refusal);
  }
  t.equal(await gate.run(async () => 1), 1);
});

t.test("an open circuit says what the last call failed by, and whose fault it is", async (t) => {
  const { gate } = gateOf();
  const failing = (error: Error) => async (): Promise<never> => {
    throw error;
  };
  const cause = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const refused = failing(new TypeError("fetch failed", { cause }));
  await t.rejects(
    gate.run(refused),
    { message: "the custodian: the call failed (ECONNREFUSED)." },
    "the system's code, not the error's class",
  );
  for (let failure = 0; failure < 4; failure++)
    await t.rejects(gate.run(failing(new CustodianError("Key k: no PIN is given.", { isSetup: true }))), CustodianError);
  const said = { name: "CustodianError", isSetup: true, message: /^the custodian: Key k: no PIN is given\. Several calls/ };
  await t.rejects(gate.run(refused), said);
});
