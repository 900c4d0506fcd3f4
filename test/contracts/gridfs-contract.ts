import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { GridFSBucket } from 'mongodb';
import type { ContractBench } from './subject.ts';

export function registerGridFsContract(bench: ContractBench): void {
  describe('GridFS', () => {
    it('gives back what was stored, whole and in parts', async () => {
      const bucket = new GridFSBucket(bench.db, { bucketName: 'files' });
      const octets = randomBytes(700_001);
      const upload = bucket.openUploadStream('name', { chunkSizeBytes: 255 * 1024 });
      upload.end(octets);
      await once(upload, 'finish');
      const read = async (options?: { start: number; end: number }): Promise<Buffer> => {
        const chunks: Buffer[] = [];
        for await (const chunk of bucket.openDownloadStream(upload.id, options)) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks);
      };
      assert.ok((await read()).equals(octets));
      assert.ok((await read({ start: 261_000, end: 522_500 })).equals(octets.subarray(261_000, 522_500)));
      await bucket.delete(upload.id);
      assert.equal(await bench.db.collection('files.chunks').countDocuments(), 0);
    });
  });
}
