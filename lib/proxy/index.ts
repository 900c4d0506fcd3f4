export { createNetworks } from './networks.ts';
export { directPeer, proxiedPeer, type PeerReader } from './read-peer.ts';
export { proxySection } from './settings.ts';
