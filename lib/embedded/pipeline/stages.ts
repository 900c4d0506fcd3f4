import { numericOf, toDouble } from '../bson/number.ts';
import { BsonType, isNumeric } from '../bson/types.ts';
import { documentValue, entriesOf, rawOctets, stringOf, valuesOf, type Value } from '../bson/value.ts';
import { integerValue, intValue, objectValue } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { parseExpression } from '../expression/parse.ts';
import { compareSortKeys, sortKeyOf, type SortKey } from '../plan/sort-key.ts';
import { parseSort } from '../plan/sort-order.ts';
import type { CheckTime } from '../plan/query-stream.ts';
import { matches } from '../query/match.ts';
import { parseFilter } from '../query/parse.ts';
import { parseAddFields } from './add-fields.ts';
import { countDocument, Groups, parseGroup } from './group.ts';
import { parseProjection, project } from './projection.ts';
import { parseUnwind } from './unwind.ts';

const MAX_SORT_OCTETS = 64 * 1024 * 1024;

/** Gives documents one by one. */
export type Next = (checkTime: CheckTime) => Buffer | undefined;
/** A stage: from what comes in to what goes out. */
export type Stage = (input: Next) => Next;
type StageParser = (operand: Value) => Stage;

/** A stage that makes one document of each. */
const mapping =
  (change: (document: Buffer) => Buffer): Stage =>
  (input) =>
  (checkTime) => {
    const document = input(checkTime);
    return document === undefined ? undefined : change(document);
  };

function count(operand: Value, name: string, least: number): number {
  const number = isNumeric(operand.type) ? toDouble(numericOf(operand)) : NaN;
  if (!Number.isInteger(number) || number < least)
    throw new EngineError(5107201, `${name} takes a whole number of at least ${least}`);
  return number;
}

const parseMatch: StageParser = (operand) => {
  const filter = parseFilter(operand);
  return (input) => (checkTime) => {
    for (let next = input(checkTime); next !== undefined; next = input(checkTime)) {
      if (matches(filter, documentValue(next))) return next;
    }
    return undefined;
  };
};

const parseLimit: StageParser = (operand) => {
  const limit = count(operand, '$limit', 1);
  return (input) => {
    let given = 0;
    return (checkTime) => (given++ < limit ? input(checkTime) : undefined);
  };
};

const parseSkip: StageParser = (operand) => {
  const skip = count(operand, '$skip', 0);
  return (input) => {
    let skipped = 0;
    return (checkTime) => {
      for (; skipped < skip; skipped++) if (input(checkTime) === undefined) return undefined;
      return input(checkTime);
    };
  };
};

/** A stage that takes everything in before it gives anything out. */
function gathering(work: (input: Next, checkTime: CheckTime) => Buffer[]): Stage {
  return (input) => {
    let rest: Buffer[] | undefined;
    return (checkTime) => {
      rest ??= work(input, checkTime).reverse();
      return rest.pop();
    };
  };
}

const parseSortStage: StageParser = (operand) => {
  const sort = parseSort(operand);
  if (sort.length === 0) throw new EngineError(15976, '$sort stage must have at least one sort key');
  return gathering((input, checkTime) => {
    const held: { readonly document: Buffer; readonly key: SortKey }[] = [];
    let octets = 0;
    for (let next = input(checkTime); next !== undefined; next = input(checkTime)) {
      held.push({ document: next, key: sortKeyOf(sort, documentValue(next)) });
      octets += next.length;
      if (octets > MAX_SORT_OCTETS)
        throw new EngineError(292, `$sort exceeded memory limit of ${MAX_SORT_OCTETS} octets`);
    }
    return held.sort((a, b) => compareSortKeys(sort, a.key, b.key)).map(({ document }) => document);
  });
};

const parseGroupStage: StageParser = (operand) => {
  const grouping = parseGroup(operand);
  return gathering((input, checkTime) => {
    const groups = new Groups(grouping);
    for (let next = input(checkTime); next !== undefined; next = input(checkTime)) groups.add(documentValue(next));
    return groups.documents();
  });
};

const parseCount: StageParser = (operand) => {
  const name = operand.type === BsonType.string ? stringOf(operand) : '';
  if (name === '' || name.startsWith('$') || name.includes('.'))
    throw new EngineError(40156, 'the count field must be a non-empty string');
  return gathering((input, checkTime) => {
    let total = 0;
    while (input(checkTime) !== undefined) total += 1;
    return total === 0 ? [] : [countDocument(name, undefined, integerValue(BigInt(total)))];
  });
};

const parseUnwindStage: StageParser = (operand) => {
  const unwind = parseUnwind(operand);
  return (input) => {
    let rest: Buffer[] = [];
    return (checkTime) => {
      while (rest.length === 0) {
        const next = input(checkTime);
        if (next === undefined) return undefined;
        rest = unwind(next).reverse();
      }
      return rest.pop();
    };
  };
};

const parseProjectStage: StageParser = (operand) => {
  if (operand.type !== BsonType.object) throw new EngineError(15969, '$project specification must be an object');
  const projection = parseProjection(operand, false);
  return mapping((document) => project(projection, document));
};

const parseUnset: StageParser = (operand) => {
  const paths = operand.type === BsonType.array ? valuesOf(operand) : [operand];
  if (paths.length === 0 || paths.some(({ type }) => type !== BsonType.string)) {
    throw new EngineError(31002, '$unset specification must be a string or an array of strings');
  }
  return parseProjectStage(objectValue(paths.map((path) => [stringOf(path), intValue(0)] as const)));
};

const replacing = (name: string, code: number, operand: Value): Stage => {
  const expression = parseExpression(operand);
  return mapping((document) => {
    const value = expression(documentValue(document));
    if (value?.type !== BsonType.object) throw new EngineError(code, `${name} must evaluate to an object`);
    return rawOctets(value);
  });
};

const parseReplaceRoot: StageParser = (operand) => {
  const [only] = operand.type === BsonType.object ? entriesOf(operand) : [];
  if (only?.[0] !== 'newRoot') throw new EngineError(40231, 'no newRoot specified for the $replaceRoot stage');
  return replacing("'newRoot' expression", 40228, only[1]);
};

const parseSortByCount: StageParser = (operand) => {
  const grouped = parseGroupStage(
    objectValue([
      ['_id', operand],
      ['count', objectValue([['$sum', intValue(1)]])],
    ]),
  );
  const sorted = parseSortStage(objectValue([['count', intValue(-1)]]));
  return (input) => sorted(grouped(input));
};

const parseAddFieldsStage: StageParser = (operand) => {
  const add = parseAddFields(operand);
  return mapping((document) => rawOctets(add(documentValue(document))));
};

const STAGES: ReadonlyMap<string, StageParser> = new Map<string, StageParser>([
  ['$match', parseMatch],
  ['$limit', parseLimit],
  ['$skip', parseSkip],
  ['$sort', parseSortStage],
  ['$group', parseGroupStage],
  ['$count', parseCount],
  ['$unwind', parseUnwindStage],
  ['$project', parseProjectStage],
  ['$addFields', parseAddFieldsStage],
  ['$set', parseAddFieldsStage],
  ['$unset', parseUnset],
  ['$replaceRoot', parseReplaceRoot],
  ['$replaceWith', (operand) => replacing("'replacement document'", 40228, operand)],
  ['$sortByCount', parseSortByCount],
]);

export const STAGE_NAMES: ReadonlySet<string> = new Set(STAGES.keys());
const UPDATE_STAGES = new Set(['$addFields', '$set', '$project', '$unset', '$replaceRoot', '$replaceWith']);

/** The one field of a stage document. */
export function stageOf(document: Value): readonly [string, Value] {
  const [only, ...more] = document.type === BsonType.object ? entriesOf(document) : [];
  if (only === undefined || more.length > 0) {
    throw new EngineError(40323, 'A pipeline stage specification object must contain exactly one field.');
  }
  return only;
}

/** @throws UnsupportedError 40324 for a stage that is not known, 40573 for a change stream */
export function parseStage(document: Value): Stage {
  const [name, operand] = stageOf(document);
  const parse = STAGES.get(name);
  if (parse === undefined)
    throw new UnsupportedError(name === '$changeStream' ? 40573 : 40324, `Pipeline stage ${name}`);
  return parse(operand);
}

/** An update given as stages. @throws EngineError 72 for stages that do more than change one document */
export function parsePipelineUpdate(pipeline: Value): (document: Value) => Value {
  const stages = valuesOf(pipeline).map((document) => {
    const [name] = stageOf(document);
    if (!UPDATE_STAGES.has(name)) {
      throw new EngineError(STAGES.has(name) ? 72 : 40324, `${name} is not allowed to be used within an update`);
    }
    return parseStage(document);
  });
  return (document) => {
    let given: Buffer | undefined = rawOctets(document);
    const once: Next = () => {
      const next = given;
      given = undefined;
      return next;
    };
    const result = stages.reduce<Next>((input, stage) => stage(input), once)(() => undefined);
    if (result === undefined) throw new EngineError(72, 'the update gives no document');
    return documentValue(result);
  };
}
