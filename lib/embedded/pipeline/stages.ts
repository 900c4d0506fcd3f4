import { systemClock } from '../../kernel/clock.ts';
import { BsonType } from '../bson/types.ts';
import { documentValue, entriesOf, rawOctets, stringOf, valuesOf, type Value } from '../bson/value.ts';
import { intValue, objectValue } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { parseExpression } from '../expression/parse.ts';
import { Holding } from '../plan/memory.ts';
import { Slice } from '../plan/slice.ts';
import { matches } from '../query/match.ts';
import { parseFilter } from '../query/parse.ts';
import { parseAddFields } from './add-fields.ts';
import { parseCount, parseGroupStage, parseSortByCount, parseSortStage } from './gathering-stages.ts';
import { parseLookup } from './lookup.ts';
import { parseProjection, project } from './projection.ts';
import { isDocument, mapping, wholeNumber, type Next, type Stage, type StageParser } from './stage.ts';
import { parseUnwind } from './unwind.ts';

const parseMatch: StageParser = (operand) => {
  const filter = parseFilter(operand);
  return (input) => (slice) => {
    for (;;) {
      const next = input(slice);
      if (!isDocument(next) || matches(filter, documentValue(next))) return next;
    }
  };
};

const parseLimit: StageParser = (operand) => {
  const limit = wholeNumber(operand, '$limit', 1);
  return (input) => {
    let given = 0;
    return (slice) => {
      if (given >= limit) return undefined;
      const next = input(slice);
      if (isDocument(next)) given += 1;
      return next;
    };
  };
};

const parseSkip: StageParser = (operand) => {
  const skip = wholeNumber(operand, '$skip', 0);
  return (input) => {
    let skipped = 0;
    return (slice) => {
      for (;;) {
        const next = input(slice);
        if (!isDocument(next) || skipped === skip) return next;
        skipped += 1;
      }
    };
  };
};

const parseUnwindStage: StageParser = (operand) => {
  const unwind = parseUnwind(operand);
  return (input) => {
    let rest: Iterator<Buffer> | undefined;
    return (slice) => {
      for (;;) {
        const made = rest?.next();
        if (made?.done === false) return made.value;
        const next = input(slice);
        if (!isDocument(next)) return next;
        rest = unwind(next);
      }
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
  ['$lookup', parseLookup],
]);

export const STAGE_NAMES: ReadonlySet<string> = new Set(STAGES.keys());
/** Stages of an update work on one document: they hold nothing, read nothing else, and take no time to speak of. */
const ALONE = { holding: new Holding(() => undefined), joins: undefined };
const IN_ONE_STEP = new Slice(systemClock, undefined);
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
    const result = stages.reduce<Next>((input, stage) => stage(input, ALONE), once)(IN_ONE_STEP);
    if (!isDocument(result)) throw new EngineError(72, 'the update gives no document');
    return documentValue(result);
  };
}
