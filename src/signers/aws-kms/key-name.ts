/** What names a key in AWS KMS: `awskms:key-id=…`, percent-encoded, which on the key ring holds the ARN of one key. */

import { parseKeyUri, spellKeyUri } from "../../domain/key-uri.ts";

export interface KeyArn {
  readonly arn: string;
  readonly region: string;
}

export function parseKeyArn(arn: string): KeyArn | undefined {
  const [, region] = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{12}:key\/[A-Za-z0-9-]{1,64}$/.exec(arn) ?? [];
  return region === undefined ? undefined : { arn, region };
}

/** The ARN or id of a key, or the name or ARN of an alias. */
export function keyIdOf(uri: string): string | undefined {
  const parsed = parseKeyUri(uri);
  const id = parsed?.path.get("key-id");
  if (parsed?.scheme !== "awskms" || parsed.path.size !== 1 || parsed.query.size !== 0 || id === undefined) return undefined;
  return /^[A-Za-z0-9:/_-]{1,512}$/.test(id) ? id : undefined;
}

export function custodyOf({ arn }: KeyArn): string {
  return spellKeyUri("awskms", { "key-id": arn });
}
