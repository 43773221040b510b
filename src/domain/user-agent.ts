/** A short name for a device in the list of sessions. What browsers send is long, alike and stored per session. */

const BROWSERS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\bEdgA?\/|\bEdgiOS\//, "Edge"],
  [/\bOPR\/|\bOPiOS\//, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bHeadlessChrome\/|\bChrome\/|\bCriOS\/|\bChromium\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];

const SYSTEMS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\bAndroid\b/, "Android"],
  [/\biPhone\b|\biPad\b|\biPod\b/, "iOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

const MAX_LENGTH = 64;

/** `Firefox on Linux` for browsers, else what was sent, printable ASCII of it, at most 64 characters. */
export function userAgentLabel(header: string | undefined): string {
  if (header === undefined) return "";
  const browser = header.startsWith("Mozilla/") ? nameIn(BROWSERS, header) : undefined;
  if (browser === undefined) return header.replaceAll(/[^\x20-\x7e]/g, "").slice(0, MAX_LENGTH);
  const system = nameIn(SYSTEMS, header);
  return system === undefined ? browser : `${browser} on ${system}`;
}

function nameIn(names: readonly (readonly [pattern: RegExp, name: string])[], header: string): string | undefined {
  return names.find(([pattern]) => pattern.test(header))?.[1];
}
