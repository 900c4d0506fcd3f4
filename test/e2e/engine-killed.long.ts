import { withoutEngine } from '../support/given-database.ts';
import { it } from 'node:test';
import { engineKills } from './engine-kills.ts';

it(
  'kill -9 of the engine alone is trouble for a while and nothing else, and loses nothing that was acknowledged, thirty times',
  { skip: process.platform === 'linux' ? withoutEngine() : 'reads /proc', timeout: 600_000 },
  () => engineKills(30),
);
