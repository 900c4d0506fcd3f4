#!/usr/bin/env node
/** The `eider` command: installs where needed, then runs workers/main.ts on Node 24. */
import { runOnNode24 } from './node24.mjs';

runOnNode24('workers/main.ts', process.argv.slice(2));
