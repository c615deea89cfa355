/** Uploads local files to S3: in one request, or in parts of a fixed size (multipart upload), a few at a time. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { AbortMultipartUploadCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { answerOf } from './s3errors.ts';

/** Files up to this size go in one request; larger ones in parts of this size. */
const PART_BYTES = 8 << 20;
/** Parts in flight at once: an upload holds this many parts in memory, and the next one. */
const PARALLEL_PARTS = 4;
/** S3's limit of parts of one upload. */
const MOST_PARTS = 10_000;
/** Bytes read from the file at a time. */
const READ_BYTES = 1 << 20;

/**
 * Uploads a file as one object, which readers see complete or not at all.
 * @returns its size in bytes
 * @throws errors of the SDK and of the file system; the parts already uploaded are removed then, if S3 can still be reached
 */
export async function uploadFile(client: S3Client, bucket: string, key: string, path: string): Promise<number> {
  const { size } = await stat(path);
  const target = { Bucket: bucket, Key: key };
  const partSize = Math.max(PART_BYTES, Math.ceil(size / MOST_PARTS));
  const Body = createReadStream(path, { highWaterMark: READ_BYTES });
  const upload = new Upload({
    client,
    params: { ...target, Body },
    partSize,
    queueSize: PARALLEL_PARTS,
    // Removed below: where that fails too, the library would throw its error in place of the part's.
    leavePartsOnError: true,
  });
  let uploaded = 0;
  upload.on('httpUploadProgress', ({ loaded = 0 }) => {
    uploaded = loaded;
  });
  try {
    await upload.done();
  } catch (error) {
    // The response to CompleteMultipartUpload was lost: the next attempt finds no upload, but the object exists.
    // With all parts stored only the request that completes the upload can have failed.
    const lost = uploaded === size && answerOf(error).code === 'NoSuchUpload';
    if (!lost) {
      if (upload.uploadId !== undefined)
        await client
          .send(new AbortMultipartUploadCommand({ ...target, UploadId: upload.uploadId }))
          .catch(() => undefined);
      throw error;
    }
    const made = await client.send(new HeadObjectCommand(target)).catch(() => undefined);
    if (made?.ContentLength !== size || !made.ETag?.endsWith(`-${Math.ceil(size / partSize)}"`)) throw error;
  } finally {
    Body.destroy();
  }
  if (Body.bytesRead !== size) throw new Error(`the file had ${size} bytes, but ${Body.bytesRead} were uploaded`);
  return size;
}
