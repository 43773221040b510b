/** What the SDK of AWS finds in the environment of a test: credentials of nobody, and no machine to ask for others. */

export const AWS_SECRET = "the secret access key of nobody";

export const AWS_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
  AWS_SECRET_ACCESS_KEY: AWS_SECRET,
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
};

/** For this process. */
export function setAwsEnvironment(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
  Object.assign(process.env, AWS_ENVIRONMENT);
}
