import { DocumentWriter } from '../bson/write.ts';
import type { ReadCommand } from './context.ts';
import { checkOptions } from './request.ts';

/** MongoDB's sections of no use here are left out; `storage` is the engine's own. All sizes are octets. */
export const serverStatusCommand: ReadCommand = {
  writes: false,
  run: (context, request) => {
    checkOptions(request, []);
    const { file, log, logInUse, pageOctets, pages, freePages } = context.store.sizes();
    return new DocumentWriter()
      .string('process', 'eider-embedded')
      .long('pid', BigInt(process.pid))
      .double('uptime', Math.round(process.uptime()))
      .date('localTime', context.clock.now())
      .openDocument('storage')
      .long('fileOctets', BigInt(file))
      .long('freeOctets', BigInt(freePages * pageOctets))
      .long('usedOctets', BigInt((pages - freePages) * pageOctets))
      .long('logOctets', BigInt(log))
      .long('logInUseOctets', BigInt(logInUse))
      .close()
      .openDocument('cursors')
      .int('open', context.cursors.size)
      .close()
      .double('ok', 1)
      .finish();
  },
};
