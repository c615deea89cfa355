/** Result files in a bucket of LocalStack. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CREDENTIALS, clientConfig, REGION } from '../localstack/running.ts';

/** Puts a folder's files under their keys into a new bucket. @returns its name */
export async function fillBucket(endpoint: string, folder: string): Promise<string> {
  const s3 = new S3Client(clientConfig(endpoint));
  const Bucket = `athena-${randomBytes(6).toString('hex')}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const keys = files.map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: readFileSync(join(folder, Key)) }));
  s3.destroy();
  return Bucket;
}

/** Removes a bucket of fewer than 1,000 objects. */
export async function emptyBucket(endpoint: string, Bucket: string): Promise<void> {
  const s3 = new S3Client(clientConfig(endpoint));
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
  for (const { Key } of Contents) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  await s3.send(new DeleteBucketCommand({ Bucket }));
  s3.destroy();
}

/** Properties of Trino's file system for that endpoint. */
export function s3Properties(endpoint: string): Record<string, string> {
  return {
    'fs.native-s3.enabled': 'true',
    's3.endpoint': endpoint,
    's3.region': REGION,
    's3.aws-access-key': CREDENTIALS.accessKeyId,
    's3.aws-secret-key': CREDENTIALS.secretAccessKey,
    's3.path-style-access': 'true',
  };
}
