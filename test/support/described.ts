/** Answers against the API description: what it doesn't say must not come. */

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

export interface Header {
  readonly required?: boolean;
  readonly schema: { readonly type?: string };
}

export interface Media {
  readonly schema: { readonly allOf?: readonly { readonly properties?: { readonly error?: { readonly enum?: readonly string[] } } }[] };
}

export interface DescribedResponse {
  readonly headers: Readonly<Record<string, Header | Reference>>;
  readonly content?: Readonly<Record<string, Media>>;
}

export interface Reference {
  readonly $ref: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly schema: object;
}

export interface DescribedOperation {
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, DescribedResponse | Reference>>;
}

/** An OpenAPI 3.1 document, as far as ours goes. */
export interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export interface ComparableAnswer {
  readonly status: number;
  /** Several of one name, such as Set-Cookie, are a list. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** The operation that a request is for; undefined where there is no such path or method. */
export interface Found {
  readonly path: string;
  readonly methods: Readonly<Record<string, DescribedOperation>>;
  readonly operation: DescribedOperation | undefined;
}

const ROOT = "description";
const ERROR = "#/components/schemas/Error";

export class Description {
  readonly document: OpenApi;
  readonly #ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allowUnionTypes: true });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(text: string) {
    this.document = JSON.parse(text) as OpenApi;
    this.#ajv.addVocabulary(Object.keys(this.document));
    // Who reads an answer passes over members that he doesn't know; we don't send any that aren't described.
    this.#ajv.addSchema({ ...(closed(JSON.parse(text)) as object), $id: ROOT });
  }

  get operations(): readonly (readonly [method: string, path: string, operation: DescribedOperation])[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [method.toUpperCase(), path, operation] as const),
    );
  }

  find(method: string, url: string): Found | undefined {
    const parts = pathOf(url).split("/").map(decoded);
    const found = Object.entries(this.document.paths).find(([path]) => fits(path.split("/"), parts));
    if (found === undefined) return undefined;
    const [path, methods] = found;
    return { path, methods, operation: methods[(method === "HEAD" ? "GET" : method).toLowerCase()] };
  }

  /** The value a `$ref` names, or the value itself. */
  resolve<T extends object>(value: T | Reference): T {
    if (!("$ref" in value)) return value;
    const names = value.$ref.slice(2).split("/");
    return names.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], this.document) as T;
  }

  /** What is wrong with a value that stands for a schema at a place in the document; undefined: nothing. */
  schemaFault(pointer: string, value: unknown): string | undefined {
    let validate = this.#validators.get(pointer);
    if (validate === undefined) {
      validate = this.#ajv.compile({ $ref: `${ROOT}${pointer}` });
      this.#validators.set(pointer, validate);
    }
    return validate(value) ? undefined : this.#ajv.errorsText(validate.errors);
  }

  /** What the description doesn't say of an answer; undefined: nothing. Preflights (OPTIONS) are not described. */
  answerFault(method: string, url: string, answer: ComparableAnswer): string | undefined {
    if (method === "OPTIONS") return undefined;
    const found = this.find(method, url);
    if (found === undefined) return this.#fitsError(answer, method, 404, "not_found");
    const { path, operation } = found;
    if (operation === undefined) {
      if (answer.headers["allow"] === undefined) return "there is no Allow";
      return this.#fitsError(answer, method, 405, "invalid_request");
    }
    const described = operation.responses[answer.status];
    if (described === undefined) return `the status ${answer.status} is not described`;
    const pointer = "$ref" in described ? described.$ref : pointerTo("paths", path, lowerGet(method), "responses", String(answer.status));
    const response = this.resolve(described);
    return this.#headerFault(response, pointer, answer) ?? this.#contentFault(response, pointer, method, answer);
  }

  /** Throws where the description doesn't say what was answered. */
  assertDescribed(method: string, url: string, answer: ComparableAnswer): void {
    const fault = this.answerFault(method, url, answer);
    if (fault !== undefined) throw new Error(`${method} ${pathOf(url)} ${answer.status} is not as described: ${fault}\n${answer.body}`);
  }

  #fitsError(answer: ComparableAnswer, method: string, status: number, error: string): string | undefined {
    if (answer.status !== status) return `where nothing is described, the status is ${status}`;
    if (method === "HEAD") return undefined;
    const value = json(answer.body);
    return this.schemaFault(ERROR, value) ?? ((value as { error: string }).error === error ? undefined : `the error is not ${error}`);
  }

  #headerFault(response: DescribedResponse, pointer: string, answer: ComparableAnswer): string | undefined {
    for (const [name, reference] of Object.entries(response.headers)) {
      const { required = false, schema } = this.resolve(reference);
      const values = [answer.headers[name.toLowerCase()] ?? []].flat();
      if (values.length === 0 && required) return `there is no ${name}`;
      const at = "$ref" in reference ? reference.$ref : `${pointer}/headers/${pointerPart(name)}`;
      for (const text of values) {
        const fault = this.schemaFault(`${at}/schema`, schema.type === "integer" ? Number(text) : text);
        if (fault !== undefined) return `${name}: ${fault}`;
      }
    }
    return undefined;
  }

  #contentFault({ content }: DescribedResponse, pointer: string, method: string, { headers, body }: ComparableAnswer): string | undefined {
    if (content === undefined) return body === "" ? undefined : "there is a body";
    const [mediaType = ""] = String(headers["content-type"] ?? "").split(";");
    if (content[mediaType] === undefined) return `the media type "${mediaType}" is not described`;
    if (method === "HEAD") return body === "" ? undefined : "there is a body";
    return this.schemaFault(`${pointer}/content/${pointerPart(mediaType)}/schema`, json(body));
  }
}

/** The words of an error answer, as its description lists them; none: it is no error. */
export function errorWords({ content }: DescribedResponse): readonly string[] {
  const parts = content?.["application/json"]?.schema.allOf ?? [];
  return parts.flatMap(({ properties }) => properties?.error?.enum ?? []);
}

function lowerGet(method: string): string {
  return method === "HEAD" ? "get" : method.toLowerCase();
}

function pathOf(url: string): string {
  return url.split("?")[0] ?? "";
}

/** RFC 3986 §2.4; what can't be decoded is left as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function fits(pattern: readonly string[], parts: readonly string[]): boolean {
  if (pattern.length !== parts.length) return false;
  return pattern.every((part, index) => (part.startsWith("{") ? parts[index] !== "" : part === parts[index]));
}

/** Undefined fits no schema of ours. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** RFC 6901 §3 and §6. */
function pointerPart(name: string): string {
  return encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
}

/** Where something stands in the document. */
export function pointerTo(...names: readonly string[]): string {
  return `#/${names.map(pointerPart).join("/")}`;
}

/** Objects that say nothing of further members have none. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [name, closed(member)] as const);
  const open = "type" in value && value.type === "object" && !("additionalProperties" in value);
  return { ...Object.fromEntries(entries), ...(open ? { additionalProperties: false } : {}) };
}
