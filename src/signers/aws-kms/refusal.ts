/**
 * What AWS KMS refuses, in our words. Who is at fault is told by the error's name alone: an SDK's message may quote the request.
 * https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html and the errors of each call.
 */

import { CustodianError, KeyError } from "../../domain/ports.ts";

/** The answer to one call, by which the caller may tell what to do next. */
export class KmsRefusal extends KeyError {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export const ABSENT = "NotFoundException";
export const WRONG_STATE = "KMSInvalidStateException";
const DENIED = "AccessDeniedException";

/** To follow the key's name. */
const KEY_AT_FAULT: Readonly<Record<string, string>> = {
  [ABSENT]: "is not there: not under this name, in this account and region",
  DisabledException: "is disabled; enable it again: aws kms enable-key",
  [WRONG_STATE]: "is in a state in which it can't be used, such as pending deletion; see aws kms describe-key",
  InvalidArnException: "is named by what is no ARN of a key here",
  InvalidKeyUsageException: "is not for signatures (SIGN_VERIFY)",
  LimitExceededException: "is one more than the account's quota of keys; have it raised, or delete some",
  UnsupportedOperationException: "is of a kind that is not offered",
  ValidationException: "is of a kind that is not offered, or the request was not understood",
};

/** The node's credentials themselves, whatever they were to be used for. */
const CREDENTIALS_AT_FAULT: readonly string[] = [
  "CredentialsProviderError",
  "TokenProviderError",
  "ExpiredToken",
  "ExpiredTokenException",
  "IncompleteSignature",
  "IncompleteSignatureException",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "MissingAuthenticationToken",
  "MissingAuthenticationTokenException",
  "NotAuthorized",
  "OptInRequired",
  "RequestExpired",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
];

/**
 * What a failed call means; undefined where AWS KMS is out of reach or too busy, whatever the key.
 * @param action the IAM action of the call
 * @param subject how a message names the key
 */
export function refusalOf(error: unknown, action: string, subject: string): KeyError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name } = error;
  if (CREDENTIALS_AT_FAULT.includes(name))
    return new CustodianError(`AWS KMS: this node's credentials are missing, over or not accepted (${name}).`);
  if (name === DENIED) {
    const advice = `allow ${action} in its IAM policy or in the key's policy`;
    return new CustodianError(`${subject}: this node is not allowed to use it; ${advice}.`);
  }
  const fault = Object.hasOwn(KEY_AT_FAULT, name) ? KEY_AT_FAULT[name] : undefined;
  return fault === undefined ? undefined : new KmsRefusal(name, `${subject}: ${fault} (${name}).`);
}

/** Whether it refuses one key, and so has taken this node's credentials: policies may say nothing of keys that aren't there. */
export function isAnswerAboutKey(error: unknown): boolean {
  return error instanceof Error && (error.name === ABSENT || error.name === DENIED);
}
