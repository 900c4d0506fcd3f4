import { describe, it } from 'node:test';
import { killRounds } from './kill-rounds.ts';

describe('kill -9 of server and engine during deliveries', () => {
  it('loses nothing acknowledged and doubles nothing in five rounds', { timeout: 240_000 }, (t) => killRounds(t, 5));
});
