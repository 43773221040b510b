/** What claims must be made of, wherever they stand. */

export function isString(value: unknown): value is string {
  return typeof value === "string";
}

export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** RFC 7519 §2; a fraction is legal. Finite in milliseconds too, so that no sum overflows into a comparison that holds. */
export function isNumericDate(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1000;
}

export function isAbsentOr(check: (value: unknown) => boolean, value: unknown): boolean {
  return value === undefined || check(value);
}
