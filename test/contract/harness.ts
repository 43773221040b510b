/** What the store contract suite needs from an adapter's test, and small helpers its parts share. */

import t from "tap";
import type { Test } from "tap";
import type { Store } from "../../src/domain/ports.ts";

export interface StoreHarness {
  /** Another handle on the same data. The suite closes each handle it opened. */
  open(): Promise<Store>;
  /**
   * Breaks off whatever is under way on all open handles (cuts connections, ends the writer) without losing
   * acknowledged data. Open handles must recover by themselves. Absent: the test is skipped.
   */
  interrupt?(): Promise<void>;
  /** Ends what was started and removes the data. Called once, after all handles were closed. */
  remove(): Promise<void>;
}

/** Every call gives a harness whose data are empty and its own. */
export type MakeHarness = () => Promise<StoreHarness>;

export const HOUR_MILLIS = 3_600_000;

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);

/** Plain `Uint8Array` of the same bytes, so that a Buffer equals what it holds. */
export const plain = (value: Uint8Array | undefined): Uint8Array | undefined => (value === undefined ? undefined : Uint8Array.from(value));

export interface Context {
  readonly t: Test;
  readonly harness: StoreHarness;
  /** Opens a handle that is closed at the end of the test. */
  open(): Promise<Store>;
  /** Far enough ahead that no store's garbage collection takes the value during the test. */
  later(store: Store): Promise<{ expiresAt: number; confirmed: boolean }>;
}

/** A test with a store of its own. */
export function storeTest(name: string, makeHarness: MakeHarness, body: (context: Context) => Promise<void>): void {
  void t.test(name, { timeout: 120_000 }, async (t) => {
    const harness = await makeHarness();
    const handles: Store[] = [];
    const open = async (): Promise<Store> => {
      const store = await harness.open();
      handles.push(store);
      return store;
    };
    const later = async (store: Store) => ({ expiresAt: (await store.now()) + HOUR_MILLIS, confirmed: false });
    try {
      await body({ t, harness, open, later });
    } finally {
      for (const store of handles) await store.close();
      await harness.remove();
    }
  });
}

export async function collect(store: Store, prefix: string): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for await (const page of store.scan(prefix)) for (const [key, value] of page) found.set(key, Uint8Array.from(value));
  return found;
}
