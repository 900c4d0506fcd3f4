import { isArray, isDoc, ModelError, NotModelled, truth, type Doc, type Value } from './value.ts';

/** The fields of a projection, nested as the documents are. */
type Tree = ReadonlyMap<string, Tree | 'here'>;

function treeOf(paths: readonly string[]): Tree {
  const tree = new Map<string, Tree | 'here'>();
  for (const name of new Set(paths.map((path) => path.split('.')[0]!))) {
    const below = paths.filter((path) => path.startsWith(`${name}.`)).map((path) => path.slice(name.length + 1));
    if (below.length > 0 && paths.includes(name)) throw new ModelError(31249, 'paths collide');
    tree.set(name, below.length === 0 ? 'here' : treeOf(below));
  }
  return tree;
}

/** Undefined where nothing is left of a value that is not a document. */
function apply(value: Value, tree: Tree, isInclusion: boolean): Value | undefined {
  if (isArray(value)) {
    return value.map((element) => apply(element, tree, isInclusion)).filter((element) => element !== undefined);
  }
  if (!isDoc(value)) return isInclusion ? undefined : value;
  const entries = Object.entries(value).flatMap(([name, inner]): [string, Value][] => {
    const branch = tree.get(name);
    if (branch === undefined || branch === 'here') return (branch === 'here') === isInclusion ? [[name, inner]] : [];
    const kept = apply(inner, branch, isInclusion);
    return kept === undefined ? [] : [[name, kept]];
  });
  return Object.fromEntries(entries);
}

/** A projection by inclusion or exclusion. @throws ModelError 31253, 31254 for a mixture */
export function parseProjection(projection: Doc): (document: Doc) => Doc {
  const fields = Object.entries(projection);
  for (const [, value] of fields) {
    if (typeof value === 'string' || isArray(value) || isDoc(value)) throw new NotModelled('an expression');
  }
  const others = fields.filter(([name]) => name !== '_id');
  const id = projection['_id'];
  const isInclusion = others.length > 0 ? truth(others[0]![1]) : truth(id) && fields.length > 0;
  if (others.some(([, value]) => truth(value) !== isInclusion)) {
    throw new ModelError(isInclusion ? 31254 : 31253, 'a mixture');
  }
  const paths = others.map(([name]) => name);
  if (id === undefined ? isInclusion : truth(id) === isInclusion) paths.push('_id');
  const tree = treeOf(paths);
  return (document) => apply(document, tree, isInclusion) as Doc;
}
