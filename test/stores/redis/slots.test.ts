import t from "tap";
import { StoreError } from "../../../src/domain/ports.ts";
import { slotMap, slotOf, SLOTS } from "../../../src/stores/redis/slots.ts";

t.test("slots are those of the specification", async (t) => {
  // The first is the check value of CRC16-XMODEM in the specification; the others were read off a server by CLUSTER KEYSLOT.
  t.equal(slotOf("123456789"), 0x31c3 % SLOTS);
  t.equal(slotOf("foo"), 12_182);
  t.equal(slotOf("{user1000}.following"), slotOf("user1000"));
  t.equal(slotOf("foo{}{bar}"), 8_363);
  t.equal(slotOf("foo{{bar}}zap"), slotOf("{bar"));
  t.equal(slotOf(""), 0);
});

t.test("the reply of CLUSTER SLOTS says who has what; who names no host means itself", async (t) => {
  const asked = { host: "10.0.0.1", port: 1 };
  const map = slotMap(
    [
      [0, 99, [null, 7000, "id"], ["10.0.0.9", 7009, "id"]],
      [100, SLOTS - 2, ["10.0.0.2", 7002, "id", ["hostname", "x"]]],
    ],
    asked,
  );
  t.same(map.owners[0], { host: "10.0.0.1", port: 7000 });
  t.same(map.owners[100], { host: "10.0.0.2", port: 7002 });
  t.equal(map.owners[SLOTS - 1], undefined, "nobody's");
  t.same(map.nodes, [
    { host: "10.0.0.1", port: 7000 },
    { host: "10.0.0.9", port: 7009 },
    { host: "10.0.0.2", port: 7002 },
  ]);
  for (const reply of [undefined, "OK", [["0", 1, []]], [[0, 1]], [[0, 1, ["h", "7000"]]]])
    t.throws(() => slotMap(reply, asked), StoreError);
});
