import { Double, Int32, Long } from 'mongodb';
import { calculate } from './arithmetic.ts';
import { parseFilter } from './filter.ts';
import { orderOf, sortBy, valuesAt } from './keys.ts';
import { parseProjection } from './projection.ts';
import {
  compare,
  equal,
  field,
  isArray,
  isDoc,
  isNumber,
  ModelError,
  NotModelled,
  typeOf,
  textOf,
  numberOf,
} from './value.ts';
import type { Doc, Value } from './value.ts';

type Documents = readonly Doc[];
type Stage = (documents: Documents) => Documents;
type Foreign = (name: string) => Documents;

/** A `$path`, `{ $type: … }` or a constant. */
function expression(given: Value): (document: Doc) => Value | undefined {
  if (typeof given === 'string' && given.startsWith('$')) {
    if (given.startsWith('$$')) throw new NotModelled(given);
    const names = given.slice(1).split('.');
    return (document) => along(document, names);
  }
  if (isDoc(given)) {
    const [operator, operand] = Object.entries(given)[0] ?? ['', null];
    if (operator === '$nope') throw new ModelError(168, 'unknown expression');
    if (operator !== '$type') throw new NotModelled(operator);
    const inner = expression(operand);
    return (document) => {
      const value = inner(document);
      return value === undefined ? 'missing' : typeOf(value);
    };
  }
  if (isArray(given)) throw new NotModelled('an array');
  return () => given;
}

function along(value: Value | undefined, names: readonly string[]): Value | undefined {
  const [name, ...rest] = names;
  if (name === undefined) return value;
  if (isArray(value)) return value.map((element) => along(element, names)).filter((element) => element !== undefined);
  return isDoc(value) ? along(field(value, name), rest) : undefined;
}

function accumulator(given: Value): (documents: Documents) => Value {
  const [operator = '', operand = null] = Object.entries(isDoc(given) ? given : {})[0] ?? [];
  const evaluate = expression(operand);
  const values = (documents: Documents): Value[] =>
    documents.map((document) => evaluate(document)).filter((value) => value !== undefined);
  switch (operator) {
    case '$sum':
      return (documents) =>
        values(documents)
          .filter(isNumber)
          .reduce<Value>((sum, value) => calculate('add', sum, value), new Int32(0));
    case '$min':
    case '$max':
      return (documents) => {
        const ordered = values(documents)
          .filter((value) => value !== null)
          .sort(compare);
        return ordered.at(operator === '$min' ? 0 : -1) ?? null;
      };
    case '$push':
      return values;
    case '$first':
    case '$last':
      return (documents) => {
        const document = documents.at(operator === '$first' ? 0 : -1);
        return (document === undefined ? undefined : evaluate(document)) ?? null;
      };
    case '$avg':
      return (documents) => {
        const numbers = values(documents).filter(isNumber);
        if (numbers.length === 0) return null;
        if (numbers.some((value) => typeOf(value) === 'decimal')) throw new NotModelled('a decimal average');
        const sum = numbers.reduce<Value>((so, value) => calculate('add', so, value), new Int32(0));
        return new Double(numberOf(sum) / numbers.length);
      };
    default:
      throw new NotModelled(operator);
  }
}

function group(given: Doc): Stage {
  const { _id: id = null, ...fields } = given;
  const keyOf = expression(id);
  const accumulators = Object.entries(fields).map(([name, value]) => [name, accumulator(value)] as const);
  return (documents) => {
    const groups: { readonly key: Value; readonly members: Doc[] }[] = [];
    for (const document of documents) {
      const key = keyOf(document) ?? null;
      const known = groups.find((one) => equal(one.key, key));
      // Which of two equal numbers names the group is nobody's promise.
      if (known !== undefined && typeOf(known.key) !== typeOf(key) && typeOf(key) === 'decimal') {
        throw new NotModelled('a decimal among other numbers');
      }
      if (known === undefined) groups.push({ key, members: [document] });
      else known.members.push(document);
    }
    return groups.map(({ key, members }) => ({
      _id: key,
      ...Object.fromEntries(accumulators.map(([name, accumulate]) => [name, accumulate(members)])),
    }));
  };
}

function unwind(given: Value): Stage {
  const options: Doc = isDoc(given) ? given : { path: given };
  const name = textOf(options['path']).slice(1);
  if (name.includes('.')) throw new NotModelled('a dotted path');
  const { includeArrayIndex: index, preserveNullAndEmptyArrays: isPreserving } = options;
  const place = (at: number | undefined): Doc =>
    typeof index === 'string' ? { [index]: at === undefined ? null : Long.fromNumber(at) } : {};
  return (documents) =>
    documents.flatMap((document): Doc[] => {
      const value = field(document, name);
      if (isArray(value) && value.length > 0) {
        return value.map((element, at) => ({ ...document, [name]: element, ...place(at) }));
      }
      if (value !== undefined && value !== null && !isArray(value)) return [{ ...document, ...place(undefined) }];
      if (isPreserving !== true) return [];
      const { [name]: gone, ...rest } = document;
      return [{ ...(isArray(gone) ? rest : document), ...place(undefined) }];
    });
}

/** Top-level fields only. */
function addFields(given: Doc): Stage {
  const fields = Object.entries(given).map(([name, value]) => {
    if (name.includes('.')) throw new NotModelled('a dotted path');
    if (isDoc(value) && Object.keys(value)[0]?.startsWith('$') !== true) throw new NotModelled('a document');
    return [name, expression(value)] as const;
  });
  return (documents) =>
    documents.map((document) => {
      const added = fields.map(([name, evaluate]) => [name, evaluate(document)] as const);
      const missing = added.filter(([, value]) => value === undefined).map(([name]) => name);
      const kept = Object.entries(document).filter(([name]) => !missing.includes(name));
      const values = added.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
      return { ...Object.fromEntries(kept), ...Object.fromEntries(values) };
    });
}

function replaceRoot(given: Doc): Stage {
  const evaluate = expression(given['newRoot'] ?? null);
  return (documents) =>
    documents.map((document) => {
      const root = evaluate(document);
      return isDoc(root) ? root : refuseRoot();
    });
}

function refuseRoot(): never {
  throw new ModelError(40228, 'newRoot is no document');
}

/** Each document with the list of those that share a value with it; what is missing shares null. */
function lookup(given: Doc, foreign: Foreign): Stage {
  const [from, local, other, as] = ['from', 'localField', 'foreignField', 'as'].map((name) => textOf(given[name]));
  if (from === undefined || local === undefined || other === undefined || as === undefined || as.includes('.')) {
    throw new NotModelled('these options');
  }
  return (documents) => {
    const others = foreign(from);
    return documents.map((document) => {
      const found = valuesAt(document, local.split('.'));
      const filter = parseFilter({ [other]: { $in: found.length === 0 ? [null] : found } });
      return { ...document, [as]: others.filter((one) => filter(one).holds) };
    });
  };
}

function stage(name: string, operand: Value, foreign: Foreign): Stage {
  switch (name) {
    case '$match': {
      const filter = parseFilter(operand as Doc);
      return (documents) => documents.filter((document) => filter(document).holds);
    }
    case '$sort': {
      const order = orderOf(operand as Doc);
      return (documents) => sortBy(order, documents);
    }
    case '$skip':
      return (documents) => documents.slice(numberOf(operand));
    case '$limit':
      return (documents) => documents.slice(0, numberOf(operand));
    case '$count':
      return (documents) => (documents.length === 0 ? [] : [{ [operand as string]: new Int32(documents.length) }]);
    case '$project': {
      const project = parseProjection(operand as Doc);
      return (documents) => documents.map(project);
    }
    case '$group':
      return group(operand as Doc);
    case '$unwind':
      return unwind(operand);
    case '$addFields':
      return addFields(operand as Doc);
    case '$lookup':
      return lookup(operand as Doc, foreign);
    case '$replaceRoot':
      return replaceRoot(operand as Doc);
    case '$bucket':
    case '$facet':
      throw new NotModelled(name);
    default:
      throw new ModelError(40324, `unknown stage ${name}`);
  }
}

/**
 * Runs a pipeline.
 * @param foreign the documents of other collections, by their names
 * @throws ModelError, NotModelled
 */
export function aggregate(documents: Documents, pipeline: readonly Doc[], foreign: Foreign = () => []): Documents {
  const stages = pipeline.map((one) => {
    const [name, operand] = Object.entries(one)[0] ?? ['', null];
    return stage(name, operand, foreign);
  });
  return stages.reduce((current, run) => run(current), documents);
}
