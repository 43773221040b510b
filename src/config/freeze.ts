/** Freezes a value and all in it. Maps lose their setters; bytes can't be frozen (ECMA-262 §10.4.5) and stay as they are. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  if (value instanceof Map) {
    for (const name of ["set", "delete", "clear"]) Object.defineProperty(value, name, { value: refuse });
    for (const [key, entry] of value) {
      deepFreeze(key);
      deepFreeze(entry);
    }
  }
  for (const entry of Object.values(value)) deepFreeze(entry);
  return Object.freeze(value);
}

function refuse(): never {
  throw new TypeError("the configuration can't be changed");
}
