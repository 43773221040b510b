/** 0 done, 1 failed, 2 wrong use or wrong configuration, 3 refused as unsafe. */
export type ExitCode = 0 | 1 | 2 | 3;

export const EXIT = { done: 0, failed: 1, usage: 2, unsafe: 3 } as const satisfies Record<string, ExitCode>;
