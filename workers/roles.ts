import type { Configuration } from '../lib/config/index.ts';
import { NODE_ROLES, type NodeRole } from '../lib/nodes/index.ts';
import { serverSection } from './settings.ts';

export const ALL_ROLES: ReadonlySet<NodeRole> = new Set(NODE_ROLES);

/** What this process is to do. @throws RangeError with a sentence where the setting names something else */
export function rolesOf(configuration: Configuration): ReadonlySet<NodeRole> {
  const { roles } = configuration.get(serverSection);
  const known = roles.filter((role): role is NodeRole => NODE_ROLES.some((name) => name === role));
  const unknown = roles.find((role) => !NODE_ROLES.some((name) => name === role));
  if (unknown !== undefined) {
    throw new RangeError(`${JSON.stringify(unknown)} is no role: there are ${NODE_ROLES.join(', ')}`);
  }
  if (known.length === 0) throw new RangeError('a process without a role would do nothing');
  return new Set(NODE_ROLES.filter((role) => known.includes(role)));
}
