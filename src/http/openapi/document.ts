/** The API description, OpenAPI 3.1, made of what the routes promise. Schemas of typebox are JSON Schema 2020-12, as OpenAPI 3.1 takes them. */

import { type TObject, type TSchema, Type } from "typebox";
import type { Contract, ErrorWord } from "../contract.ts";
import { type Errors, errorsOf, meaningOf } from "./errors.ts";

export interface Operation {
  readonly method: string;
  /** As Fastify writes it: `/sessions/:sid`. */
  readonly url: string;
  readonly contract: Contract;
}

export interface Described {
  readonly issuer: string;
  readonly version: string;
  readonly operations: readonly Operation[];
}

type Json = Readonly<Record<string, unknown>>;

/** What stands once and is referred to. */
interface Components {
  readonly schemas: Record<string, unknown>;
  readonly responses: Record<string, Json>;
}

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";

const ErrorBody = Type.Object(
  {
    error: Type.String({ description: "A word for programs." }),
    error_description: Type.String({ description: "A fixed text for people; nothing that was sent is repeated in it." }),
  },
  { title: "Error" },
);

const DESCRIPTION = `\
Every answer has an X-Request-Id. GET routes answer HEAD too. A path that is not here is 404 \`not_found\`, another method 405
\`invalid_request\` with Allow; both have the body of the schema Error. A cookie client's refresh token travels in the
cookie \`__Host-mintmark-<client id>\` (where the issuer is http: \`mintmark-<client id>\`), never in a body.
On the routes that pages call there is
CORS for the allowedOrigins of the clients. The operator's listener (metrics and health) is not described.`;

const SECURITY_SCHEMES = {
  client_secret_basic: {
    type: "http",
    scheme: "basic",
    description:
      "A confidential client's id and secret, both form-urlencoded first (RFC 6749 §2.3.1). One method per request: client_id and client_secret in the body do the same, or client_assertion (private_key_jwt). A public client sends client_id alone.",
  },
  access_token: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "An access token. For /sessions it is one for the issuer itself, with the scope sessions.",
  },
};

/** Ways of which one is enough; an empty one: nothing in the Authorization header. */
const SECURITY: Readonly<Record<Contract["authentication"], readonly Partial<Record<keyof typeof SECURITY_SCHEMES, readonly string[]>>[]>> =
  {
    none: [],
    client: [{ client_secret_basic: [] }, {}],
    bearer: [{ access_token: [] }],
    session: [{ access_token: [] }, { client_secret_basic: [] }, {}],
  };

const HEADERS: Readonly<Record<string, Json>> = {
  "X-Request-Id": { required: true, schema: { type: "string" }, description: "Finds the request in the log." },
  "Cache-Control": { required: true, schema: { type: "string" }, description: "no-store, but on documents for everyone." },
  "Retry-After": { required: true, schema: { type: "integer", minimum: 1 }, description: "Seconds." },
  "WWW-Authenticate": {
    schema: { type: "string" },
    description: "RFC 6750 §3; of client authentication only where the Authorization header was tried (RFC 6749 §5.2).",
  },
};
const EVERY_ANSWER = ["X-Request-Id", "Cache-Control"];

/** The whole document. What the contracts say of a route is all that is known of it here. */
export function describe({ issuer, version, operations }: Described): Json {
  const components: Components = { schemas: {}, responses: {} };
  const paths: Record<string, Record<string, Json>> = {};
  for (const { method, url, contract } of operations) {
    const path = url.replaceAll(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[method.toLowerCase()] = operationOf(method, contract, components);
  }
  return {
    openapi: "3.1.0",
    info: { title: "mintmark", version, description: DESCRIPTION, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: issuer }],
    paths,
    components: { ...components, headers: HEADERS, securitySchemes: SECURITY_SCHEMES },
  };
}

function operationOf(method: string, contract: Contract, components: Components): Json {
  const { operation, summary, authentication, params, query, headers } = contract;
  const parameters = Object.entries({ path: params, query, header: headers }).flatMap(([place, members]) =>
    namedSchemas(members, components).map(({ name, required, description, schema }) => ({
      name,
      in: place,
      ...(required ? { required } : {}),
      ...(description === undefined ? {} : { description }),
      schema,
    })),
  );
  return {
    operationId: operation,
    summary,
    security: SECURITY[authentication],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...bodyOf(contract, components),
    responses: { ...answersOf(contract, components), ...errorAnswersOf(errorsOf(method, contract), components) },
  };
}

function bodyOf({ form, json }: Contract, components: Components): Json {
  const bodies = Object.entries({ [FORM_TYPE]: form, [JSON_TYPE]: json }).filter(
    (entry): entry is [string, TObject] => entry[1] !== undefined,
  );
  if (bodies.length === 0) return {};
  const content = Object.fromEntries(bodies.map(([mediaType, schema]) => [mediaType, { schema: schemaOf(schema, components) }]));
  return { requestBody: { required: bodies.every(([, schema]) => requiredOf(schema).length > 0), content } };
}

function answersOf({ responses, mediaType = JSON_TYPE, responseHeaders }: Contract, components: Components): Json {
  const own = namedSchemas(responseHeaders, components).map(({ name, ...header }) => [name, header] as const);
  return Object.fromEntries(
    Object.entries(responses).map(([status, schema]) => [
      status,
      {
        description: status === "304" ? "What the caller has is still right." : "Done.",
        headers: { ...headersNamed(EVERY_ANSWER), ...Object.fromEntries(own) },
        ...(schema === null ? {} : { content: { [mediaType]: { schema: schemaOf(schema, components) } } }),
      },
    ]),
  );
}

function errorAnswersOf(errors: Errors, components: Components): Json {
  return Object.fromEntries([...errors].map(([status, words]) => [status, errorAnswerOf(status, words, components)]));
}

/** An answer with one word is the same wherever it stands, and stands once. */
function errorAnswerOf(status: number, words: readonly ErrorWord[], components: Components): Json {
  const response = errorResponse(status, words, components);
  if (words.length > 1) return response;
  const name = `${words.join()}_${status}`;
  components.responses[name] = response;
  return { $ref: `#/components/responses/${name}` };
}

function errorResponse(status: number, words: readonly ErrorWord[], components: Components): Json {
  const challenged = status === 401 || words.includes("insufficient_scope");
  const later = status === 429 || status === 503;
  return {
    description: words.map((word) => `${meaningOf(status, word)}.`).join("\n\n"),
    headers: headersNamed([...EVERY_ANSWER, ...(challenged ? ["WWW-Authenticate"] : []), ...(later ? ["Retry-After"] : [])]),
    content: { [JSON_TYPE]: { schema: { allOf: [schemaOf(ErrorBody, components), { properties: { error: { enum: words } } }] } } },
  };
}

function headersNamed(names: readonly string[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

interface NamedSchema {
  readonly name: string;
  readonly required: boolean;
  readonly description?: string | undefined;
  readonly schema: unknown;
}

/** The members of an object as things with names: parameters and headers. */
function namedSchemas(members: TObject | undefined, components: Components): readonly NamedSchema[] {
  if (members === undefined) return [];
  return Object.entries(members.properties).map(([name, member]) => {
    const { description, ...schema } = schemaOf(member, components) as Json & { readonly description?: string };
    return { name, required: requiredOf(members).includes(name), description, schema };
  });
}

/** typebox leaves it out where all is optional, which its types don't say. */
function requiredOf(schema: { readonly required?: readonly string[] }): readonly string[] {
  return schema.required ?? [];
}

/** A schema as plain JSON, without typebox's marks. One with a title stands among the components, under it. */
function schemaOf(schema: TSchema, { schemas }: Components): unknown {
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    if (typeof value !== "object" || value === null || !("title" in value) || typeof value.title !== "string") return value;
    schemas[value.title] = value;
    return { $ref: `#/components/schemas/${value.title}` };
  });
}
