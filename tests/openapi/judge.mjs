// Judges an OpenAPI description, and what was answered under it. Reads from stdin
//     {"document": D}                      and prints what is wrong with the document, or
//     {"document": D, "exchanges": [E]}    and prints for each what is wrong with it, as
//     [["fault", ...], ...].
// E: {"method", "path" as described, "status", "type", "headers", "body", "sent"}. A path of null
// stands for one that the document lacks; its answers are the components of their status.
//
// Objects are closed, so a member that is served and not described is a fault, too.
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

// Of HTTP itself, not of what is said in it.
const FRAMING = new Set(['connection', 'content-length', 'content-type', 'date', 'keep-alive',
  'transfer-encoding']);
// What `default` stands for: all that may be answered anywhere and at any time.
const OTHERS = new Set([500, 505]);
const UNDESCRIBED = { 404: 'NotFound', 405: 'MethodNotAllowed' };

const read = JSON.parse(readFileSync(0, 'utf8'));

function close(schema) {
  if (Array.isArray(schema)) return schema.map(close);
  if (schema === null || typeof schema !== 'object') return schema;
  const closed = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, close(value)]));
  if (closed.type === 'object' && closed.properties && !('additionalProperties' in closed))
    closed.additionalProperties = false;
  return closed;
}

function makeAjv(components, options) {
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, strictRequired: false, ...options });
  addFormats.default(ajv);
  ajv.addVocabulary(['x-unit', 'x-source', 'components']);
  ajv.addSchema({ $id: 'doc', components: { schemas: close(components.schemas) } });
  return ajv;
}

class Judge {
  constructor(document) {
    this.document = document;
    this.ajv = makeAjv(document.components, {});
    this.coercing = makeAjv(document.components, { coerceTypes: true });
    this.compiled = new Map();
  }

  resolve(object) {
    if (!object.$ref) return object;
    return object.$ref.slice(2).split('/').reduce((at, key) => at[key], this.document);
  }

  check(ajv, schema, value, place) {
    const key = (ajv === this.ajv ? 's' : 'c') + JSON.stringify(schema);
    if (!this.compiled.has(key)) {
      const text = JSON.stringify(schema).replaceAll('"#/components/', '"doc#/components/');
      this.compiled.set(key, ajv.compile(JSON.parse(text)));
    }
    const validate = this.compiled.get(key);
    if (validate(value)) return [];
    return validate.errors.slice(0, 5).map((error) => `${place}${error.instancePath} ${error.message} ` +
      JSON.stringify(error.params));
  }

  headers(described, got) {
    const faults = [];
    const left = new Map(Object.entries(got).map(([name, value]) => [name.toLowerCase(), value]));
    for (const [name, reference] of Object.entries(described ?? {})) {
      const header = this.resolve(reference);
      const value = left.get(name.toLowerCase());
      left.delete(name.toLowerCase());
      if (value === undefined && header.required) faults.push(`header ${name} is missing`);
      if (value !== undefined)
        faults.push(...this.check(this.coercing, { type: 'object', properties: { value: header.schema } },
          { value }, `header ${name}`));
    }
    for (const name of left.keys()) if (!FRAMING.has(name)) faults.push(`header ${name} is not described`);
    return faults;
  }

  body(response, exchange) {
    const media = response.content?.[exchange.type];
    if (exchange.method === 'HEAD' || (!response.content && exchange.type == null))
      return exchange.body ? ['there is a body'] : [];
    if (exchange.status === 304) return exchange.body ? ['there is a body'] : [];
    if (!media) return [`Content-Type ${exchange.type} is not described`];
    const data = (exchange.events ?? []).flatMap((event, i) =>
      this.check(this.ajv, media['x-data'], event, `event ${i}`));
    return [...data, ...this.check(this.ajv, media.schema, exchange.body, 'body')];
  }

  sent(operation, exchange) {
    if (exchange.sent == null || exchange.status >= 300) return [];
    const media = operation.requestBody?.content['application/json'];
    return media ? this.check(this.ajv, media.schema, exchange.sent, 'what was sent') :
      ['a body was taken that is not described'];
  }

  response(operation, exchange) {
    if (!operation) return this.document.components.responses[UNDESCRIBED[exchange.status]];
    const { responses } = operation;
    const found = responses[exchange.status] ?? (OTHERS.has(exchange.status) ? responses.default : null);
    return found && this.resolve(found);
  }

  exchange(exchange) {
    const method = exchange.method === 'HEAD' ? 'get' : exchange.method.toLowerCase();
    const operation = this.document.paths[exchange.path]?.[method];
    const response = this.response(operation, exchange);
    if (!response) return [`status ${exchange.status} is not described`];
    return [...this.headers(response.headers, exchange.headers), ...this.body(response, exchange),
      ...(operation ? this.sent(operation, exchange) : [])];
  }
}

async function judgeDocument(document) {
  const result = await new Validator().validate(document);
  if (result.valid) return [];
  return typeof result.errors === 'string' ? [result.errors] :
    result.errors.map((error) => `${error.instancePath} ${error.message}`);
}

function judgeExchanges() {
  const judge = new Judge(read.document);
  return read.exchanges.map((exchange) => judge.exchange(exchange));
}

console.log(JSON.stringify(read.exchanges ? judgeExchanges() : await judgeDocument(read.document)));
