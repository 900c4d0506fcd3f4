import { z } from 'zod';
import type { Route } from './define-route.ts';
import { commonInput } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

const ERROR_SCHEMA = {
  type: 'object',
  required: ['code'],
  properties: {
    error: { type: 'string' },
    message: { type: 'string', description: 'In place of `error` where the token is bad.' },
    code: { type: 'string' },
    details: { type: 'object', additionalProperties: { type: 'string' }, description: 'Field name to sentence.' },
  },
} as const;

/** The OpenAPI 3.1 document, from the same declarations that validate. */
export function describeRoutes(routes: readonly Route[], version: string): Json {
  const paths = new Map<string, Record<string, Json>>();
  for (const route of routes) {
    const path = route.path.replaceAll(/:([A-Za-z]+)/g, '{$1}');
    const operations = paths.get(path) ?? {};
    operations[route.method.toLowerCase()] = describeOperation(route);
    paths.set(path, operations);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Eider HTTP API', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        accessToken: { type: 'apiKey', in: 'header', name: 'X-Access-Token' },
      },
      schemas: { Error: ERROR_SCHEMA },
    },
    security: [{ bearer: [] }, { accessToken: [] }],
  };
}

function describeOperation(route: Route): Json {
  const inPath = new Set([...route.path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => name));
  const fields = Object.entries({ ...route.input, ...commonInput }).map(([name, schema]) => ({
    name,
    schema: describeSchema(schema as z.ZodType, 'input'),
    required: !(schema as z.ZodType).safeParse(undefined).success,
  }));
  const takesBody = route.method === 'POST' || route.method === 'PUT';
  const inBody = takesBody ? fields.filter(({ name }) => !inPath.has(name)) : [];
  const parameters = fields
    .filter((field) => !inBody.includes(field))
    .map(({ name, schema, required }) => ({
      name,
      in: inPath.has(name) ? 'path' : 'query',
      required: required || inPath.has(name),
      schema,
    }));
  return {
    summary: route.summary,
    operationId: operationId(route),
    tags: [route.access.resource],
    parameters,
    ...(inBody.length > 0 && {
      requestBody: { required: inBody.some(({ required }) => required), content: describeBodies(route, inBody) },
    }),
    responses: {
      200: describeAnswer(route),
      default: { description: 'Refused or failed', content: jsonContent({ $ref: '#/components/schemas/Error' }) },
    },
  };
}

interface Field {
  readonly name: string;
  readonly schema: Json;
  readonly required: boolean;
}

function describeBodies(route: Route, fields: readonly Field[]): Json {
  const schema = {
    type: 'object',
    additionalProperties: false,
    required: fields.filter(({ required }) => required).map(({ name }) => name),
    properties: Object.fromEntries(fields.map((field) => [field.name, field.schema])),
  };
  return {
    ...jsonContent(schema),
    ...(route.takesMessage === true && { 'message/rfc822': { schema: { type: 'string', format: 'binary' } } }),
  };
}

function describeAnswer(route: Route): Json {
  if (typeof route.output === 'string') {
    return { description: 'OK', content: { [route.output]: { schema: { type: 'string', format: 'binary' } } } };
  }
  const answer = z.object({ success: z.literal(true), ...route.output });
  return { description: 'OK', content: jsonContent(describeSchema(answer, 'output')) };
}

function jsonContent(schema: Json): Json {
  return { 'application/json': { schema } };
}

/** What a client may send besides (text for a number, commas for an array) is read, but not advertised. */
function describeSchema(schema: z.ZodType, direction: 'input' | 'output'): Json {
  const json = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: 'output',
    unrepresentable: 'any',
    // What has a default is always there for the handler, and need not come from the client.
    override: ({ jsonSchema: { required, properties }, jsonSchema }) => {
      if (direction === 'input' && required !== undefined)
        jsonSchema.required = required.filter((name) => !hasDefault(properties?.[name]));
    },
  });
  return Object.fromEntries(Object.entries(json).filter(([key]) => key !== '$schema'));
}

function hasDefault(schema: unknown): boolean {
  return typeof schema === 'object' && schema !== null && 'default' in schema;
}

function operationId({ method, path }: Route): string {
  const words = path
    .replaceAll(/[^A-Za-z0-9]+/g, ' ')
    .trim()
    .split(' ');
  return [method.toLowerCase(), ...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))].join('');
}
