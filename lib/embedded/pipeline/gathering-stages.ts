import { BsonType } from '../bson/types.ts';
import { documentValue, stringOf } from '../bson/value.ts';
import { integerValue, intValue, objectValue } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { parseSort } from '../plan/sort-order.ts';
import { sortKeyOf } from '../plan/sort-key.ts';
import { Sorter } from '../plan/sorter.ts';
import { countDocument, Groups, parseGroup } from './group.ts';
import { fromIterator, gathering, type StageParser } from './stage.ts';

export const parseSortStage: StageParser = (operand) => {
  const sort = parseSort(operand);
  if (sort.length === 0) throw new EngineError(15976, '$sort stage must have at least one sort key');
  return gathering(({ holding }) => {
    const sorter = new Sorter<Buffer>(sort, Infinity, holding);
    return {
      add: (document) => sorter.add(document, sortKeyOf(sort, documentValue(document)), document.length),
      next: () => sorter.next(),
    };
  });
};

export const parseGroupStage: StageParser = (operand) => {
  const grouping = parseGroup(operand);
  return gathering(({ holding }) => {
    const groups = new Groups(grouping, holding);
    return {
      add: (document) => groups.add(documentValue(document)),
      next: fromIterator(() => groups.documents()),
    };
  });
};

export const parseCount: StageParser = (operand) => {
  const name = operand.type === BsonType.string ? stringOf(operand) : '';
  if (name === '' || name.startsWith('$') || name.includes('.'))
    throw new EngineError(40156, 'the count field must be a non-empty string');
  return gathering(() => {
    let total = 0;
    return {
      add: () => {
        total += 1;
      },
      next: () => {
        const result = total === 0 ? undefined : countDocument(name, undefined, integerValue(BigInt(total)));
        total = 0;
        return result;
      },
    };
  });
};

export const parseSortByCount: StageParser = (operand) => {
  const grouped = parseGroupStage(
    objectValue([
      ['_id', operand],
      ['count', objectValue([['$sum', intValue(1)]])],
    ]),
  );
  const sorted = parseSortStage(objectValue([['count', intValue(-1)]]));
  return (input, workplace) => sorted(grouped(input, workplace), workplace);
};
