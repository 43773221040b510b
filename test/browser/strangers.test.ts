/** Pages that are none of the client's, with its user's browser: they read nothing, set nothing and change nothing. */

import type { Frame, Page } from "playwright-core";
import t from "tap";
import { until } from "../support/wait.ts";
import { ask, grantedBy, logIn, outcome, refresh, type Seen, UNREADABLE } from "./app-page.ts";
import type { Exchange, Front } from "./front.ts";
import {
  countsOf,
  generationOf,
  ISSUER,
  PASSWORD,
  sharedWorld,
  SIBLING,
  skipWithoutBrowser as skip,
  STRANGER,
  visit,
  WEB,
} from "./world.ts";

const world = sharedWorld(t);
const NAME = "__Host-mintmark-web";
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const TEXT = { "content-type": "text/plain" };

/** Right, and the attacker's own: whoever is logged in by it works in the attacker's account. */
const MALLORY = { username: "mallory", password: PASSWORD, client_id: "web" };
const REFRESH = { grant_type: "refresh_token", client_id: "web" };
const LOGOUT = { client_id: "web" };
const REVOKE = { client_id: "web", token: "x" };
/** A form of type text/plain sends `name=value`: this one sends JSON. */
const LOGIN = { [`${JSON.stringify(MALLORY).slice(0, -1)},"x":"`]: '"}' };

type Fields = Readonly<Record<string, string>>;

interface Attack {
  /** Where its request arrives. */
  readonly path: string;
  /** What script saw of the answer; undefined where it has gone to the issuer itself, and its tab with it. */
  readonly run: (page: Page | Frame) => Promise<Seen | undefined>;
}

function fetched(path: string, fields: Fields, mode: "cors" | "no-cors"): Attack {
  const [headers, body] = path === "/login" ? [TEXT, JSON.stringify(MALLORY)] : [FORM, new URLSearchParams(fields).toString()];
  return { path, run: (page) => ask(page, path, { mode, headers, body }) };
}

interface FormAttributes {
  readonly method?: string;
  readonly enctype?: string;
  /** `no-referrer` makes the origin `null` (Fetch standard). */
  readonly referrerPolicy?: string;
}

/** The page itself goes to the issuer, with a form. */
function submitted(path: string, fields: Fields, attributes: FormAttributes = {}): Attack {
  const { referrerPolicy = "", ...rest } = attributes;
  const form = JSON.stringify({ action: ISSUER + path, method: "POST", ...rest });
  const script = `{
    document.head.append(Object.assign(document.createElement("meta"), { name: "referrer", content: "${referrerPolicy}" }));
    const form = Object.assign(document.createElement("form"), ${form});
    for (const [name, value] of Object.entries(${JSON.stringify(fields)}))
      form.append(Object.assign(document.createElement("input"), { name, value }));
    document.body.append(form);
    form.submit();
  }`;
  return {
    path: rest.method === "GET" ? `${path}?${new URLSearchParams(fields).toString()}` : path,
    run: async (page) => void (await page.evaluate(script)),
  };
}

const BEACON: Attack = {
  path: "/logout",
  async run(page) {
    await page.evaluate(`navigator.sendBeacon("${ISSUER}/logout", new URLSearchParams({ client_id: "web" }))`);
    return UNREADABLE;
  },
};

/** Those that could log the victim in, as someone else. */
const LOGINS: Readonly<Record<string, Attack>> = {
  "login by fetch": fetched("/login", LOGIN, "cors"),
  "login by fetch without CORS": fetched("/login", LOGIN, "no-cors"),
  "login by form": submitted("/login", MALLORY),
  "login by form as text": submitted("/login", LOGIN, { enctype: "text/plain" }),
};

const ATTACKS: Readonly<Record<string, Attack>> = {
  ...LOGINS,
  "refresh by fetch": fetched("/token", REFRESH, "cors"),
  "refresh by fetch without CORS": fetched("/token", REFRESH, "no-cors"),
  "refresh by form": submitted("/token", REFRESH),
  "refresh by form without a referrer": submitted("/token", REFRESH, { referrerPolicy: "no-referrer" }),
  "refresh by form as multipart": submitted("/token", REFRESH, { enctype: "multipart/form-data" }),
  "refresh by link": submitted("/token", REFRESH, { method: "GET" }),
  "logout by fetch": fetched("/logout", LOGOUT, "cors"),
  "logout by fetch without CORS": fetched("/logout", LOGOUT, "no-cors"),
  "logout by beacon": BEACON,
  "logout by form": submitted("/logout", LOGOUT),
  "logout by form without a referrer": submitted("/logout", LOGOUT, { referrerPolicy: "no-referrer" }),
  "logout by form as text": submitted("/logout", LOGOUT, { enctype: "text/plain" }),
  "logout by link": submitted("/logout", LOGOUT, { method: "GET" }),
  "revoke by fetch": fetched("/revoke", REVOKE, "cors"),
  "revoke by form": submitted("/revoke", REVOKE),
  "revoke as another client": fetched("/revoke", { ...REVOKE, client_id: "spa" }, "no-cors"),
};

/** Where an attack can come from, in a tab of the victim's browser. */
interface Place {
  readonly origin: string;
  /** In a frame of that page which is of no origin at all. */
  readonly isSandboxed?: boolean;
  /** Whether the browser sends the cookie with it. */
  readonly carries: boolean;
}

const PLACES: Readonly<Record<string, Place>> = {
  "another site": { origin: STRANGER, carries: false },
  // SameSite keeps nothing from it: the Origin is all there is.
  "a sibling subdomain": { origin: SIBLING, carries: true },
  "a sandboxed iframe in a page of the client": { origin: WEB, isSandboxed: true, carries: false },
  "a sandboxed iframe in a page of another site": { origin: STRANGER, isSandboxed: true, carries: false },
};

async function open(tab: Page, { origin, isSandboxed = false }: Place): Promise<Page | Frame> {
  await tab.goto(`${origin}/`);
  if (!isSandboxed) return tab;
  await tab.setContent('<iframe sandbox="allow-scripts allow-forms" srcdoc="<!doctype html><head></head><body></body>"></iframe>');
  const frame = await (await tab.waitForSelector("iframe")).contentFrame();
  if (frame === null) throw new Error("there is no frame");
  await frame.waitForLoadState();
  return frame;
}

/** The attack's request as the issuer got it, once it is answered. */
async function passed(front: Front, since: number, path: string): Promise<Exchange | undefined> {
  const find = () => front.exchanges.slice(since).find((one) => one.path === path && one.method !== "OPTIONS");
  await until(`an answer on ${path}`, () => (find()?.status ?? 0) > 0, 60_000);
  return find();
}

for (const [name, place] of Object.entries(PLACES)) {
  const { carries } = place;
  t.test(`${name} reads nothing, sets nothing and changes nothing`, { skip }, async (t) => {
    const { home, issuer, front, browser } = await world();
    const user = `victim-of-${name.replaceAll(" ", "-")}`;
    await home.addUser(user, PASSWORD);
    if (!(await home.must("users", "list")).includes("mallory")) await home.addUser("mallory", PASSWORD);
    const victim = await visit(t, { browser });
    const good = await victim.tab(WEB);
    const tab = await victim.context.newPage();
    let page = await open(tab, place);

    /** Makes the attack; what the issuer answered. Nothing has changed by it, in the browser or at the issuer. */
    async function attempt({ path, run }: Attack, what: string): Promise<Exchange | undefined> {
      const [cookies, counts, since] = [await victim.context.cookies(), await countsOf(issuer), front.exchanges.length];
      const seen = await run(page);
      const exchange = await passed(front, since, path);
      t.same(exchange?.setCookies, [], what);
      t.same(await victim.context.cookies(), cookies, what);
      t.same(await countsOf(issuer), counts, what);
      if (seen !== undefined) t.equal(outcome(seen), "unreadable", what);
      else {
        // A 204 leaves a page where it is.
        if (exchange?.status !== 204) await page.waitForURL(ISSUER + path);
        page = await open(tab, place);
      }
      return exchange;
    }

    for (const [name, attack] of Object.entries(LOGINS)) {
      const exchange = await attempt(attack, name);
      t.match(exchange?.status, /^4/, name);
      t.equal(outcome(await refresh(good)), "400 invalid_request", `${name}: nobody is in`);
    }

    const { sid } = grantedBy(await logIn(good, user));
    for (const [name, attack] of Object.entries(ATTACKS)) {
      const exchange = await attempt(attack, name);
      t.equal(exchange?.headers["cookie"] !== undefined, carries, `${name}: the cookie was ${carries ? "" : "not "}with it`);
      // An unknown token is no error (RFC 7009 §2.2), as long as there is no cookie with it.
      t.match(exchange?.status, attack.path === "/revoke" && !carries ? /^200/ : /^4/, name);
      const before = generationOf((await victim.cookies())[NAME]);
      t.equal(grantedBy(await refresh(good)).sid, sid, `${name}: who was in is in`);
      t.equal(generationOf((await victim.cookies())[NAME]), before + 1, name);
    }
  });
}

t.test("a login as JSON from a stranger's page is not even asked for: its preflight is refused", { skip }, async (t) => {
  const { home, front, issuer, browser } = await world();
  await home.addUser("mallet", PASSWORD);
  const victim = await visit(t, { browser });
  for (const origin of [STRANGER, SIBLING]) {
    const page = await victim.tab(origin);
    for (const credentials of ["include", "omit"] as const) {
      const [counts, since] = [await countsOf(issuer), front.exchanges.length];
      t.equal(outcome(await logIn(page, "mallet", "web", { credentials })), "unreadable");
      t.same(
        front.exchanges.slice(since).map(({ method, path, setCookies }) => [method, path, setCookies.length]),
        [["OPTIONS", "/login", 0]],
      );
      t.same(await countsOf(issuer), counts);
      t.same(await victim.context.cookies(), []);
    }
  }
});
