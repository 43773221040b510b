import t from "tap";
import { commandLine } from "../support/command-line.ts";

const SID = "s".repeat(22);

t.test("sessions list is a table without control characters, or JSON with the value as it is", async (t) => {
  const { code, stdout } = await commandLine(["sessions", "list", "--sub", "u-1"]);
  t.equal(code, 0);
  t.match(stdout, new RegExp(`^SID +CLIENT +CREATED.*\n${SID} +app +2026-11-21T07:00:00Z `));
  t.notOk(stdout.includes("\u001b"));
  const { sessions } = JSON.parse((await commandLine(["sessions", "list", "--sub", "u-1", "--json"])).stdout) as { sessions: unknown[] };
  t.same(sessions[0], {
    sid: SID,
    clientId: "app",
    createdAt: "2026-11-21T07:00:00.000Z",
    lastUsedAt: "2026-11-21T07:59:00.000Z",
    expiresAt: "2026-11-21T09:00:00.000Z",
    scope: "read write",
    userAgent: "Browser\u001b[31m/1",
  });
});

t.test("sessions revoke takes a subject, one of its sessions, a client, or all", async (t) => {
  const cases: [string[], unknown, number | undefined][] = [
    [["--sub", "u-1"], { of: "subject", sub: "u-1", sid: undefined }, undefined],
    [["--sub", "u-1", "--sid", SID], { of: "subject", sub: "u-1", sid: SID }, undefined],
    [["--sub", "u-1", "--sid", `-${"a".repeat(21)}`], { of: "subject", sub: "u-1", sid: `-${"a".repeat(21)}` }, undefined],
    [["--client", "app"], { of: "client", clientId: "app" }, undefined],
    [["--all", "--issued-before", "2026-11-21T07:00:00Z"], { of: "all" }, 1_795_244_400_000],
    [["--all", "--issued-before", "1795244400"], { of: "all" }, 1_795_244_400_000],
  ];
  for (const [argv, selection, issuedBefore] of cases) {
    const { code, stdout, stderr, operator } = await commandLine(["sessions", "revoke", ...argv]);
    t.same([code, stdout, stderr], [0, "2 sessions ended\n", ""], argv.join(" "));
    t.same(operator.calls[0]?.slice(0, 3), ["endSessions", selection, issuedBefore]);
  }
});

t.test("no selection, two of them, or one that can't be is exit 2 and ends nothing", async (t) => {
  const wrong = [
    [],
    ["--sub", "u", "--all"],
    ["--client", "app", "--all"],
    ["--sub", "u", "--client", "app"],
    ["--sid", SID],
    ["--all", "--sid", SID],
    ["--sub", ""],
    ["--sub", "u", "--sid", "../x"],
    ["--client", "a b"],
    ["--all", "--issued-before", "yesterday"],
    ["--all", "--issued-before", ""],
    ["--all", "--issued-before", "2026-11-21T08:00:01Z"],
  ];
  for (const argv of wrong) {
    const { code, stdout, opened } = await commandLine(["sessions", "revoke", ...argv]);
    t.same([code, stdout, opened], [2, "", 0], argv.join(" "));
  }
});

t.test("progress is drawn on stderr at a terminal only", async (t) => {
  const answers = {
    endSessions: async (_selection: unknown, _before: unknown, progress: (ended: number) => void): Promise<number> => {
      progress(1);
      return 1;
    },
  };
  const drawn = await commandLine(["sessions", "revoke", "--all"], { answers, terminal: true });
  t.same([drawn.code, drawn.stdout], [0, "1 session ended\n"]);
  t.equal(drawn.stderr, "\r1 sessions ended …\r\u001b[K");
  t.equal((await commandLine(["sessions", "revoke", "--all"], { answers })).stderr, "");
});
