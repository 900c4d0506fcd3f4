import type { Condition, Filter } from '../query/filter.ts';
import type { SortOrder } from './sort-order.ts';

/** Longer shapes are cut: they come from programs that make their filters up. */
const LONGEST = 500;

/** A query without its values: paths and operators, so that queries which differ in values only look alike. */
export function shapeOf(filter: Filter, sort: SortOrder): string {
  const order = sort.map(({ path, isDescending }) => `${path}: ${isDescending ? -1 : 1}`).join(', ');
  const text = `{ ${filterShape(filter)} }${order === '' ? '' : ` sort { ${order} }`}`;
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** Clauses of a like shape are told once: a list of alternatives has no length here. */
function joined(shapes: readonly string[]): string {
  return [...new Set(shapes)].join(', ');
}

function filterShape(filter: Filter): string {
  switch (filter.kind) {
    case 'field':
      return `${filter.name}: ${conditionShape(filter.condition)}`;
    case 'expression':
      return '$expr';
    case 'and':
      return joined(filter.clauses.map(filterShape));
    default:
      return `$${filter.kind}: [${joined(filter.clauses.map(filterShape))}]`;
  }
}

function conditionShape(condition: Condition): string {
  switch (condition.kind) {
    case 'is': {
      const { predicate } = condition;
      return predicate.kind === 'compare' ? predicate.operator : `$${predicate.kind}`;
    }
    case 'not':
      return `$not(${joined(condition.conditions.map(conditionShape))})`;
    case 'all':
      return joined(condition.conditions.map(conditionShape));
    case 'never':
      return '$all []';
  }
}
