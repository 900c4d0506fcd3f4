import { DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { describeDamage, type CheckReport, type DamageKind } from '../upkeep/damage.ts';
import type { TaskCommand } from './context.ts';
import { checkOptions } from './request.ts';
import { withUpkeep } from './upkeep-error.ts';

/**
 * MongoDB's `validate`: each document and each index entry of one collection held against the others. It is always
 * full: nothing that would be cheaper finds more than it would miss.
 */
export const validateCommand: TaskCommand = {
  writes: false,
  task: async (context, request) => {
    checkOptions(request, ['full', 'background', 'checkBSONConformance']);
    const namespace = `${request.database}.${request.options.requiredText('validate')}`;
    const validated = await withUpkeep(context, (upkeep) => upkeep.validate(namespace));
    if (validated === undefined) throw new EngineError(26, `Collection '${namespace}' does not exist to validate.`);
    const { report, documents, damagedDocuments, keysPerIndex } = validated;
    const writer = new DocumentWriter()
      .string('ns', namespace)
      .int('nInvalidDocuments', damagedDocuments)
      .long('nrecords', BigInt(documents))
      .int('nIndexes', keysPerIndex.length)
      .openDocument('keysPerIndex');
    for (const [name, keys] of keysPerIndex) writer.long(name, BigInt(keys));
    writer
      .close()
      .bool('valid', report.damages === 0)
      .bool('repaired', false);
    writeList(writer, 'warnings', []);
    writeList(writer, 'errors', linesOf(report));
    writeList(writer, 'missingIndexEntries', linesOf(report, 'missing-entry'));
    writeList(writer, 'extraIndexEntries', linesOf(report, 'stray-entry'));
    writeList(writer, 'corruptRecords', linesOf(report, 'document'));
    return writer.double('ok', 1).finish();
  },
};

/** `{ eiderCheck: 1 }`: everything that the engine keeps held against everything else. */
export const checkCommand: TaskCommand = {
  writes: false,
  task: async (context, request) => {
    checkOptions(request, []);
    const report = await withUpkeep(context, (upkeep) => upkeep.check());
    const writer = new DocumentWriter();
    for (const name of ['collections', 'documents', 'indexEntries', 'heapRows', 'damages'] as const) {
      writer.long(name, BigInt(report[name]));
    }
    writeList(writer, 'found', linesOf(report));
    return writer.double('ok', 1).finish();
  },
};

function linesOf(report: CheckReport, kind?: DamageKind): string[] {
  return report.found.filter((damage) => kind === undefined || damage.kind === kind).map(describeDamage);
}

function writeList(writer: DocumentWriter, name: string, lines: readonly string[]): void {
  writer.openArray(name);
  lines.forEach((line, at) => writer.string(String(at), line));
  writer.close();
}
