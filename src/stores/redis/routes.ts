/** Which primary has a key. */

import { Primary, type PrimaryOptions } from "./primary.ts";

export interface Routes {
  /** Runs `work` on the primary that has the key; `isAsk` is for it to pass on. Again, on another one, where it is sent on there. */
  on<T>(key: string, work: (primary: Primary, isAsk: boolean) => Promise<T>): Promise<T>;
  /** Every primary that has keys, as known now. Rejects with `StoreError` where that can't be found out. */
  all(): Promise<readonly Primary[]>;
  /** Changes when keys may have moved from one primary to another. */
  readonly version: number;
  /** Called after a primary was replaced or restarted: its data may have gone back. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

/** One primary, at an address or where the sentinels say. Resolves when the first attempt to connect has ended. */
export async function openSingleRoute(options: PrimaryOptions): Promise<Routes> {
  const primary = new Primary(options);
  await primary.connect();
  return {
    on: (_, work) => work(primary, false),
    all: async () => [primary],
    version: 0,
    onChange: (listener) => primary.onChange(listener),
    close: () => primary.close(),
  };
}
