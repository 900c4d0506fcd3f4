export { openAdminTokenHash, type AdminTokenHash } from './admin-token-hash.ts';
export { nodeCollections } from './collections.ts';
export {
  createMembership,
  createNodes,
  newNodeId,
  NODE_ROLES,
  type Membership,
  type NodeInfo,
  type NodeLoad,
  type NodeRole,
  type Nodes,
} from './nodes.ts';
