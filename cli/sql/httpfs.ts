/** DuckDB's extension httpfs, and the way that it takes to results in S3: that of the SDK's client. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { isPlainUrl, type RemoteFiles } from '../../shared/query/remotefiles.ts';
import { environmentEndpoint } from '../../shared/store/aws/awsclient.ts';
import type { S3Store } from '../../shared/store/aws/s3store.ts';
import { UsageError } from '../usage/usage.ts';

/**
 * How DuckDB reads the files of a store by itself: with the extension whose file FLOWSTITCH_HTTPFS names. None is
 * looked for elsewhere, and none is fetched.
 * @returns undefined when there is no such setting, and for a prefix that DuckDB would take for another
 * @throws UsageError when there is no such file
 */
export async function remoteFiles(client: S3Client, store: S3Store): Promise<RemoteFiles | undefined> {
  const extension = process.env.FLOWSTITCH_HTTPFS;
  const scope = store.url('');
  if (!extension || !isPlainUrl(scope)) return undefined;
  if (!existsSync(extension)) throw new UsageError(`there is no file ${extension}, which FLOWSTITCH_HTTPFS names`);
  const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials();
  const endpoint = await ownEndpoint(client);
  return {
    extension: resolve(extension),
    scope,
    region: await client.config.region(),
    accessKeyId,
    secretAccessKey,
    sessionToken,
    endpoint,
    // No certificate is for a host with a bucket's dots in its name.
    pathStyle: endpoint !== undefined || store.bucket.includes('.'),
  };
}

async function ownEndpoint({ config }: S3Client): Promise<RemoteFiles['endpoint']> {
  const named = environmentEndpoint('S3');
  const given = (await config.endpoint?.()) ?? (named === undefined ? undefined : new URL(named));
  if (given === undefined) return undefined;
  const { protocol, hostname, port } = given;
  return { host: port ? `${hostname}:${port}` : hostname, tls: protocol === 'https:' };
}
