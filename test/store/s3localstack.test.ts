/** Store, captures and listings against a real implementation of S3: LocalStack's. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  ListMultipartUploadsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { S3Captures } from '../../shared/store/aws/s3captures.ts';
import { s3Client } from '../../shared/store/aws/s3client.ts';
import { checkBucketRegion, listCaptures } from '../../shared/store/aws/s3list.ts';
import { S3Store } from '../../shared/store/aws/s3store.ts';
import { inParallel, REQUESTS_AT_ONCE } from '../../shared/store/inparallel.ts';
import { CREDENTIALS, localStackEndpoint, REGION, SKIPPED } from '../localstack/running.ts';
import { storeContract } from './contract.ts';
import { NASTY_KEYS } from './nastykeys.ts';
import { isStoreError } from './storeerror.ts';

const endpoint = await localStackEndpoint();
if (endpoint === null) test('S3 on LocalStack', { skip: SKIPPED }, () => {});
else onLocalStack(endpoint);

function onLocalStack(endpoint: string): void {
  const client = s3Client({ endpoint, region: REGION, credentials: CREDENTIALS });

  storeContract('S3 on LocalStack', async () => {
    const { bucket, remove } = await freshBucket(client);
    return { store: new S3Store(client, bucket), remove };
  });

  describe('S3 on LocalStack', () => {
    const check = (behaviour: string, body: (bucket: string, store: S3Store) => Promise<void>): void => {
      test(behaviour, async () => {
        const { bucket, remove } = await freshBucket(client);
        try {
          await body(bucket, new S3Store(client, bucket, 'p/'));
        } finally {
          await remove();
        }
      });
    };

    check('keys of every kind are written, listed in order, read and removed', async (bucket, store) => {
      const kinds = NASTY_KEYS.map((key) => (Buffer.byteLength(key) > 1000 ? key.slice(2) : key));
      for (const key of kinds) await store.put(key, Buffer.from(key));
      const listed: string[] = [];
      for await (const { key } of store.list('')) listed.push(key);
      const order = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
      assert.deepEqual(listed, [...kinds].sort(order));
      for (const key of kinds) assert.equal(Buffer.from(await store.get(key)).toString(), key);
      const { captures } = await listCaptures(client, bucket, 'p/');
      const source = new S3Captures(client);
      for (const ref of captures) {
        let read = '';
        for await (const chunk of source.stream(ref)) read += Buffer.from(chunk).toString();
        assert.equal(`s3://${bucket}/p/${read}`, ref.name);
      }
      assert.equal(captures.length, kinds.length);
      await store.remove(kinds);
      for await (const { key } of store.list('')) assert.fail(`${JSON.stringify(key)} is left over`);
    });

    check('a listing of more than a page is complete, also in several calls', async (bucket, store) => {
      const keys = Array.from({ length: 1050 }, (_, i) => String(i).padStart(5, '0'));
      await inParallel(keys, REQUESTS_AT_ONCE, (key) => store.put(key, Buffer.from('x')));
      const listed: string[] = [];
      for await (const { key } of store.list('')) listed.push(key);
      assert.deepEqual(listed, keys);
      const first = await listCaptures(client, bucket, 'p/', { deadline: 0 });
      const second = await listCaptures(client, bucket, 'p/', { after: first.next, deadline: 0 });
      assert.deepEqual(
        [first, second].map(({ captures }) => captures.length),
        [1000, 50],
      );
      assert.equal(second.next, undefined);
      await store.remove(keys);
      assert.equal((await listCaptures(client, bucket, '')).captures.length, 0);
    });

    check('a large file is uploaded in parts, and no unfinished upload is left', async (bucket, store) => {
      const folder = mkdtempSync(join(tmpdir(), 'flowstitch-large-'));
      try {
        const bytes = randomBytes((21 << 20) + 3);
        const path = join(folder, 'file');
        writeFileSync(path, bytes);
        assert.equal(await store.putFile('large', path), bytes.length);
        assert.ok(Buffer.from(await store.get('large')).equals(bytes));
        assert.match((await store.head('large'))?.version ?? '', /-3$/);
        const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
        assert.equal(Uploads?.length ?? 0, 0);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });

    check(
      'a capture that was overwritten since it was listed is detected, also in a versioned bucket',
      async (bucket, store) => {
        const [ref] = await capturesOf(bucket, store);
        const overwritten = isStoreError('changed', ref.name, 'overwritten');
        await store.put('a', randomBytes(1000));
        await assert.rejects(readAll(ref), overwritten);
        await store.remove(['a']);
        await assert.rejects(readAll(ref), isStoreError('missing', ref.name));
        const VersioningConfiguration = { Status: 'Enabled' } as const;
        await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
        const [again] = await capturesOf(bucket, store);
        assert.equal((await readAll(again)).length, 1000);
        await store.put('a', randomBytes(1000));
        await assert.rejects(readAll(again), overwritten);
        const off = { Status: 'Suspended' } as const;
        await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: off }));
      },
    );

    check('an archived capture is refused by the listing, and when it is read', async (bucket) => {
      const Body = randomBytes(10);
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'cold', Body, StorageClass: 'DEEP_ARCHIVE' }));
      const { captures } = await listCaptures(client, bucket, '');
      assert.equal(captures[0].refused?.reason, 'capture_archived');
      await assert.rejects(readAll(captures[0]), isStoreError('refused', 'archived', 'restore-object'));
    });

    check('a capture that is encrypted with a customer-provided key is refused', async (bucket) => {
      const key = randomBytes(32).toString('base64');
      await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: 'secret',
          Body: randomBytes(10),
          SSECustomerAlgorithm: 'AES256',
          SSECustomerKey: key,
        }),
      );
      const { captures } = await listCaptures(client, bucket, '');
      await assert.rejects(readAll(captures[0]), isStoreError('refused', 'SSE-C'));
    });

    check('a bucket passes in its own region and is refused from another', async (bucket) => {
      await checkBucketRegion(client, bucket);
      const elsewhere = s3Client({ endpoint, region: 'eu-west-1', credentials: CREDENTIALS });
      await assert.rejects(checkBucketRegion(elsewhere, bucket), isStoreError('refused', `in ${REGION}`, 'eu-west-1'));
      await assert.rejects(checkBucketRegion(client, `${bucket}-none`), isStoreError('refused', 'there is no bucket'));
    });

    async function capturesOf(bucket: string, store: S3Store) {
      await store.put('a', randomBytes(1000));
      return (await listCaptures(client, bucket, 'p/')).captures;
    }

    async function readAll(ref: Parameters<S3Captures['stream']>[0]): Promise<Buffer> {
      const chunks: Buffer[] = [];
      for await (const chunk of new S3Captures(client).stream(ref)) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks);
    }
  });
}

async function freshBucket(client: S3Client): Promise<{ bucket: string; remove: () => Promise<void> }> {
  const bucket = `flowstitch-test-${randomBytes(6).toString('hex')}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return {
    bucket,
    remove: async () => {
      const store = new S3Store(client, bucket);
      const keys: string[] = [];
      for await (const { key } of store.list('')) keys.push(key);
      await store.remove(keys);
      await client.send(new DeleteBucketCommand({ Bucket: bucket })).catch(() => {});
    },
  };
}
