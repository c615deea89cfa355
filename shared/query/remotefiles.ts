/**
 * Files in S3 that DuckDB reads itself, in ranges, with its extension httpfs. The extension is loaded from the file
 * that the caller names; DuckDB loads only extensions signed for its exact version.
 */
import { sqlLiteral } from '../table/parquet/sqltext.ts';

/** How files in S3 are read. */
export interface RemoteFiles {
  /** Path of httpfs.duckdb_extension. */
  extension: string;
  /** s3:// URL that all files begin with: these credentials are used for no other. */
  scope: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  /** Host and port of another endpoint than AWS's own, and whether it speaks TLS. */
  endpoint?: { host: string; tls: boolean };
  /** Whether the bucket is in the path instead of the host name. */
  pathStyle: boolean;
}

/** Settings that the extension takes from the environment, and that every query can read. */
const FROM_ENVIRONMENT = ['s3_access_key_id', 's3_secret_access_key', 's3_session_token', 's3_region', 's3_endpoint'];

/** Whether a file's name is an s3:// URL. */
export function isRemote(file: string): boolean {
  return file.startsWith('s3://');
}

/** Whether DuckDB takes a URL literally: '?' would begin parameters in it, '*' and '[' a pattern, '%' be decoded. */
export function isPlainUrl(url: string): boolean {
  return /^s3:\/\/[\w./=-]*$/.test(url) && !/\/\.{0,2}\//.test(url.slice('s3://'.length));
}

/** The statements that set up access, before all others. */
export function remoteAccess(remote: RemoteFiles): string[] {
  const { extension, scope, region, accessKeyId, secretAccessKey, sessionToken, endpoint, pathStyle } = remote;
  const texts: [string, string | undefined][] = [
    ['KEY_ID', accessKeyId],
    ['SECRET', secretAccessKey],
    ['SESSION_TOKEN', sessionToken],
    ['REGION', region],
    ['SCOPE', scope],
    ['ENDPOINT', endpoint?.host],
    ['URL_STYLE', pathStyle ? 'path' : 'vhost'],
  ];
  const given = texts.flatMap(([name, text]) => (text === undefined ? [] : [`${name} ${sqlLiteral(text)}`]));
  return [
    `LOAD ${sqlLiteral(extension)}`,
    ...FROM_ENVIRONMENT.map((name) => `RESET ${name}`),
    // The files of a job do not change: their metadata is requested once.
    'SET enable_http_metadata_cache = true',
    'SET parquet_metadata_cache = true',
    `CREATE SECRET results (TYPE s3, ${given.join(', ')}, USE_SSL ${endpoint?.tls ?? true})`,
  ];
}
