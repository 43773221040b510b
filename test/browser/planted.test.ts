/** A sibling subdomain may set cookies for the whole site: none of them is ever taken for the issuer's. */

import type { Page } from "playwright-core";
import t from "tap";
import type { Test } from "tap";
import { grantedBy, logIn, logOut, outcome, refresh } from "./app-page.ts";
import type { Front } from "./front.ts";
import { PASSWORD, sharedWorld, SIBLING, skipWithoutBrowser as skip, visit, WEB } from "./world.ts";

const world = sharedWorld(t);
const NAME = "__Host-mintmark-web";
const SITE = "Domain=example.test; Path=/";

/** With the attacker's own refresh token, so that whoever takes one of them is in the attacker's account. */
function planted(token: string): readonly string[] {
  return [
    `${NAME}=${token}; ${SITE}; Secure`,
    `${NAME}=${token}; ${SITE}`,
    `${NAME}=${token}; Domain=auth.example.test; Path=/; Secure`,
    `${NAME}=${token}; Domain=example.test; Path=/token; Secure`,
    `__host-mintmark-web=${token}; ${SITE}; Secure`,
    `__HOST-MINTMARK-WEB=${token}; ${SITE}; Secure`,
    `=${NAME}=${token}; ${SITE}; Secure`,
    `${NAME}; ${SITE}; Secure`,
    ` ${NAME}=${token}; ${SITE}; Secure`,
    `\u2000${NAME}=${token}; ${SITE}; Secure`,
    `\u00a0${NAME}=${token}; ${SITE}; Secure`,
    `\u0085${NAME}=${token}; ${SITE}; Secure`,
    `${NAME}\u2000=${token}; ${SITE}; Secure`,
    `mintmark-web=${token}; ${SITE}; Secure`,
    `__Host-mintmark-we=${token}; ${SITE}; Secure`,
    `a="b; ${SITE}; Secure`,
    `z=c, ${NAME}=${token}; ${SITE}; Secure`,
    `$Version=1; ${SITE}; Secure`,
    `%5f_Host-mintmark-web=${token}; ${SITE}; Secure`,
    // No site: these stay with the sibling.
    `${NAME}=${token}; Path=/; Secure`,
  ];
}

/** How a cookie gets into the victim's browser: by the sibling's script, or by its server. */
type Way = (sibling: Page, front: Front, cookies: readonly string[]) => Promise<void>;

const WAYS: Readonly<Record<string, Way>> = {
  async script(sibling, _, cookies) {
    for (const cookie of cookies) await sibling.evaluate(`void (document.cookie = ${JSON.stringify(cookie)})`);
  },
  async server(sibling, front, cookies) {
    // In UTF-8; and where it can be, a byte for each character: a lone 0x85 or 0xa0 is white space to some readers.
    const bytes = [
      ...cookies.map((cookie) => Buffer.from(cookie).toString("latin1")),
      ...cookies.filter((cookie) => !/[^\0-\xff]/.test(cookie)),
    ];
    front.pageCookies.set(SIBLING, bytes);
    await sibling.reload();
    front.pageCookies.clear();
  },
};

/** The refresh token of a session of the attacker's. */
async function tokenOfMallory(t: Test): Promise<{ readonly token: string }> {
  const { home, browser } = await world();
  if (!(await home.must("users", "list")).includes("mallory")) await home.addUser("mallory", PASSWORD);
  const mallory = await visit(t, { browser });
  grantedBy(await logIn(await mallory.tab(WEB), "mallory"));
  return { token: (await mallory.cookies())[NAME]?.value ?? "" };
}

for (const [way, plant] of Object.entries(WAYS)) {
  t.test(`nobody is logged in by cookies that a sibling's ${way} has planted`, { skip }, async (t) => {
    const { browser, front } = await world();
    const { token } = await tokenOfMallory(t);
    const victim = await visit(t, { browser });
    const [good, sibling] = [await victim.tab(WEB), await victim.tab(SIBLING)];
    for (const cookie of planted(token)) {
      await plant(sibling, front, [cookie]);
      t.equal(outcome(await refresh(good)), "400 invalid_request", cookie.replace(token, "mmr_…"));
    }
    const sent = front.exchanges.at(-1)?.headers["cookie"] ?? "";
    t.match(sent, `; mintmark-web=${token}`, "what can be planted is sent");
    t.match(sent, `\u0080\u0080${NAME}=${token}`, "so are names that begin with what some readers trim");
    t.notMatch(`; ${sent}`, `; ${NAME}=`, "the prefix keeps the name itself");
  });

  t.test(`who is in stays in, as nobody else, whatever a sibling's ${way} has planted`, { skip }, async (t) => {
    const { home, browser, front } = await world();
    const { token } = await tokenOfMallory(t);
    await home.addUser(`victim-of-a-${way}`, PASSWORD);
    const victim = await visit(t, { browser });
    const [good, sibling] = [await victim.tab(WEB), await victim.tab(SIBLING)];
    await plant(sibling, front, planted(token));
    const { sid } = grantedBy(await logIn(good, `victim-of-a-${way}`));
    for (let round = 1; round <= 2; round += 1) {
      const before = await victim.cookies();
      t.match(before[NAME], { domain: "auth.example.test", httpOnly: true });
      await plant(sibling, front, planted(token));
      t.equal((await victim.cookies())[NAME]?.value, before[NAME]?.value);
      t.equal(grantedBy(await refresh(good)).sid, sid);
    }
    t.equal(outcome(await logOut(good)), "204");
    await plant(sibling, front, planted(token));
    t.equal(outcome(await refresh(good)), "400 invalid_request");
  });
}
