/** Uploads of local files to S3: in one request, or in parts of a fixed size, a few at a time. */
import { type FileHandle, open } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { answerOf } from './s3errors.ts';

/** Files up to this size go in one request; parts of larger ones have it. */
const PART_BYTES = 8 << 20;
/** Parts under way at once: what an upload holds in memory is this many parts. */
const PARALLEL_PARTS = 4;
/** S3's bound on the parts of one upload. */
const MOST_PARTS = 10_000;

interface Target {
  Bucket: string;
  Key: string;
}

/**
 * Uploads a file as one object, which readers see whole or not at all.
 * @returns its size in bytes
 * @throws errors of the SDK and of the file system; parts that had been uploaded are gone then
 */
export async function uploadFile(client: S3Client, bucket: string, key: string, path: string): Promise<number> {
  const target = { Bucket: bucket, Key: key };
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size <= PART_BYTES) {
      const Body = await readAt(file, 0, Buffer.allocUnsafe(size));
      await client.send(new PutObjectCommand({ ...target, Body }));
    } else await uploadParts(client, target, file, size);
    return size;
  } finally {
    await file.close();
  }
}

async function uploadParts(client: S3Client, target: Target, file: FileHandle, size: number): Promise<void> {
  const created = await client.send(new CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm: 'CRC32' }));
  const upload = { ...target, UploadId: created.UploadId };
  try {
    const Parts = await sendParts(client, upload, file, size);
    await complete(client, upload, Parts, size);
  } catch (error) {
    // What this leaves behind, should it fail too, the bucket's rule for unfinished uploads removes.
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {});
    throw error;
  }
}

type Upload = Target & { UploadId: string | undefined };

async function sendParts(client: S3Client, upload: Upload, file: FileHandle, size: number): Promise<CompletedPart[]> {
  const partBytes = Math.max(PART_BYTES, Math.ceil(size / MOST_PARTS));
  const count = Math.ceil(size / partBytes);
  const parts: CompletedPart[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafeSlow(partBytes);
    for (let part = next++; part < count; part = next++) {
      const from = part * partBytes;
      const Body = await readAt(file, from, buffer.subarray(0, Math.min(partBytes, size - from)));
      const sent = await client.send(
        new UploadPartCommand({ ...upload, PartNumber: part + 1, Body, ChecksumAlgorithm: 'CRC32' }),
      );
      parts[part] = { PartNumber: part + 1, ETag: sent.ETag, ChecksumCRC32: sent.ChecksumCRC32 };
    }
  };
  const works = Array.from({ length: Math.min(PARALLEL_PARTS, count) }, () =>
    work().catch((error) => {
      next = count;
      throw error;
    }),
  );
  // Parts under way are waited for: one that arrived behind the end of the upload would stay.
  await Promise.allSettled(works);
  await Promise.all(works);
  return parts;
}

/** Makes the parts one object. When the answer to that was lost, the next attempt finds no upload, but the object. */
async function complete(client: S3Client, upload: Upload, Parts: CompletedPart[], size: number): Promise<void> {
  try {
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
  } catch (error) {
    if (answerOf(error).code !== 'NoSuchUpload') throw error;
    const { Bucket, Key } = upload;
    const made = await client.send(new HeadObjectCommand({ Bucket, Key })).catch(() => undefined);
    if (made?.ContentLength !== size || !made.ETag?.endsWith(`-${Parts.length}"`)) throw error;
  }
}

/** Fills the buffer from the file. */
async function readAt(file: FileHandle, from: number, buffer: Buffer): Promise<Buffer> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, from + filled);
    if (bytesRead === 0)
      throw new Error(`the file became shorter while it was uploaded: ${from + filled} bytes of it are left`);
    filled += bytesRead;
  }
  return buffer;
}
