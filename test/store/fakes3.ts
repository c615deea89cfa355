/**
 * A small S3 in memory behind real HTTP with fault injection: it can break or stall a connection in the middle of a
 * body, respond with an error, or lose a response. It implements the calls that Flowstitch makes, with one bucket of
 * any name, and checks no signatures.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ClientOptions } from '../../shared/store/aws/awsclient.ts';
import { s3Client } from '../../shared/store/aws/s3client.ts';

export interface FakeObject {
  bytes: Buffer;
  etag: string;
  modified: number;
  version?: string;
  storageClass?: string;
  /** Content of RestoreStatus in a listing. */
  restore?: string;
}

/** A request as received. */
export interface Seen {
  method: string;
  key: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** A fault injected into one request. */
export interface Fault {
  /** Responds with this error, and does nothing. */
  error?: { status: number; code: string; message?: string; headers?: Record<string, string>; more?: string };
  /** Responds with this XML instead. */
  xml?: string;
  /** Serves the request, and closes the connection after so many bytes of the body. */
  breakAfter?: number;
  /** Serves the request, and stalls after so many bytes of the body. */
  stallAfter?: number;
  /** Neither serves the request nor responds. */
  silent?: true;
  /** Runs before the request is served. */
  before?: () => void;
}

export class FakeS3 {
  readonly objects = new Map<string, FakeObject>();
  readonly requests: Seen[] = [];
  /** Unfinished uploads: parts by upload id. */
  readonly uploads = new Map<string, Map<number, Buffer>>();
  /** Gives every object a version id. */
  versioned = false;
  /** Keys that DeleteObjects refuses, with their code. */
  readonly stuck = new Map<string, string>();
  private readonly old = new Map<string, FakeObject>();
  private readonly faults: { matches: (seen: Seen) => boolean; fault: Fault }[] = [];
  private readonly server: Server;
  private readonly open = new Set<ServerResponse['socket']>();
  private serial = 0;

  private constructor() {
    this.server = createServer((request, response) => {
      this.serve(request, response).catch((error) => {
        response.destroy(error as Error);
      });
    });
    this.server.on('connection', (socket) => {
      this.open.add(socket);
      socket.on('close', () => this.open.delete(socket));
    });
  }

  /** Starts a server that ends with the test. */
  static async start(t: Pick<TestContext, 'after'>): Promise<FakeS3> {
    const fake = new FakeS3();
    await new Promise<void>((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    t.after(() => fake.close());
    return fake;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.open.size;
  }

  /** A client of it, by default with few attempts and short timeouts. */
  client(options: ClientOptions = {}): S3Client {
    return s3Client({ ...CREDENTIALS, endpoint: this.endpoint, attempts: 4, stallMs: 3000, ...options });
  }

  close(): void {
    this.server.close();
    for (const socket of this.open) socket?.destroy();
  }

  /** Injects a fault into the next request that matches; several faults are used in the order given. */
  fail(matches: (seen: Seen) => boolean, ...faults: Fault[]): void {
    for (const fault of faults) this.faults.push({ matches, fault });
  }

  put(key: string, bytes: Uint8Array, more: Partial<FakeObject> = {}): FakeObject {
    const object: FakeObject = {
      bytes: Buffer.from(bytes),
      etag: createHash('md5').update(bytes).digest('hex'),
      modified: Date.now(),
      ...(this.versioned ? { version: `v${++this.serial}` } : {}),
      ...more,
    };
    if (object.version !== undefined) this.old.set(`${key}?${object.version}`, object);
    this.objects.set(key, object);
    return object;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const [path, query = ''] = (request.url ?? '').split('?', 2);
    const key = decodeURIComponent(path.split('/').slice(2).join('/'));
    const { method = '', headers } = request;
    const seen = { method, key, query: new URLSearchParams(query), headers, body: Buffer.concat(chunks) };
    this.requests.push(seen);
    const at = this.faults.findIndex(({ matches }) => matches(seen));
    const fault = at < 0 ? {} : this.faults.splice(at, 1)[0].fault;
    fault.before?.();
    if (fault.silent) return;
    const whole = fault.xml === undefined ? undefined : xml(fault.xml);
    const answer = fault.error === undefined ? (whole ?? this.answer(seen)) : errorAnswer(fault.error);
    const body = answer.body ?? Buffer.alloc(0);
    response.writeHead(answer.status, { 'content-length': body.length, ...answer.headers });
    if (method === 'HEAD') response.end();
    else if (fault.breakAfter !== undefined) {
      // Sent before the connection is closed.
      response.write(body.subarray(0, fault.breakAfter), () => setTimeout(() => response.destroy(), 5));
      response.flushHeaders();
    } else if (fault.stallAfter !== undefined) {
      response.flushHeaders();
      response.write(body.subarray(0, fault.stallAfter));
    } else response.end(body);
  }

  private answer(seen: Seen): Answer {
    const { method, key, query } = seen;
    if (key === '') {
      if (method === 'HEAD') return { status: 200, headers: { 'x-amz-bucket-region': 'us-east-1' } };
      return method === 'GET' ? this.list(query) : this.removeMany(seen.body.toString());
    }
    if (method === 'GET' || method === 'HEAD') return this.read(seen);
    if (method === 'DELETE') {
      if (query.has('uploadId')) this.uploads.delete(query.get('uploadId') ?? '');
      else this.objects.delete(key);
      return { status: 204 };
    }
    if (query.has('uploads')) {
      const id = `upload-${++this.serial}`;
      this.uploads.set(id, new Map());
      return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    return query.has('uploadId') ? this.upload(seen) : this.write(seen);
  }

  private read({ key, query, headers }: Seen): Answer {
    const version = query.get('versionId');
    const object = version === null ? this.objects.get(key) : this.old.get(`${key}?${version}`);
    if (object === undefined) return errorAnswer({ status: 404, code: 'NoSuchKey' });
    if (headers['if-match'] !== undefined && headers['if-match'] !== `"${object.etag}"`)
      return errorAnswer({ status: 412, code: 'PreconditionFailed' });
    const about: Record<string, string> = {
      etag: `"${object.etag}"`,
      'last-modified': new Date(object.modified).toUTCString(),
      ...(object.version === undefined ? {} : { 'x-amz-version-id': object.version }),
    };
    const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '');
    if (range === null)
      return { status: 200, headers: { ...about, 'content-length': object.bytes.length }, body: object.bytes };
    const [, first, last] = range;
    const size = object.bytes.length;
    if (Number(first) >= size) return errorAnswer({ status: 416, code: 'InvalidRange' });
    const end = Math.min(size, last === '' ? size : Number(last) + 1);
    const body = object.bytes.subarray(Number(first), end);
    return { status: 206, headers: { ...about, 'content-range': `bytes ${first}-${end - 1}/${size}` }, body };
  }

  private write({ key, headers, body }: Seen): Answer {
    if (headers['if-none-match'] === '*' && this.objects.has(key))
      return errorAnswer({ status: 412, code: 'PreconditionFailed' });
    return { status: 200, headers: { etag: `"${this.put(key, body).etag}"` } };
  }

  private upload({ method, key, query, body }: Seen): Answer {
    const id = query.get('uploadId') ?? '';
    const parts = this.uploads.get(id);
    if (parts === undefined) return errorAnswer({ status: 404, code: 'NoSuchUpload' });
    if (method === 'PUT') {
      parts.set(Number(query.get('partNumber')), body);
      return { status: 200, headers: { etag: `"${createHash('md5').update(body).digest('hex')}"` } };
    }
    const numbers = [...parts.keys()].sort((a, b) => a - b);
    const etag = `joined-${numbers.length}`;
    this.put(key, Buffer.concat(numbers.map((number) => parts.get(number) ?? Buffer.alloc(0))), { etag });
    this.uploads.delete(id);
    return xml(`<CompleteMultipartUploadResult><ETag>"${etag}"</ETag></CompleteMultipartUploadResult>`);
  }

  private list(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? '';
    const after = Buffer.from(query.get('continuation-token') ?? query.get('start-after') ?? '');
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix) && Buffer.compare(Buffer.from(key), after) > 0)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const page = keys.slice(0, 1000);
    const entries = page.map((key) => {
      const { bytes, etag, modified, storageClass = 'STANDARD', restore } = this.objects.get(key) as FakeObject;
      return (
        `<Contents><Key>${encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/')}</Key><Size>${bytes.length}</Size>` +
        `<ETag>&quot;${etag}&quot;</ETag><LastModified>${new Date(modified).toISOString()}</LastModified>` +
        `<StorageClass>${storageClass}</StorageClass>` +
        `${restore === undefined ? '' : `<RestoreStatus>${restore}</RestoreStatus>`}</Contents>`
      );
    });
    const more = keys.length > page.length;
    const token = more ? `<NextContinuationToken>${escapeXml(page.at(-1) ?? '')}</NextContinuationToken>` : '';
    return xml(`<ListBucketResult><IsTruncated>${more}</IsTruncated>${token}${entries.join('')}</ListBucketResult>`);
  }

  private removeMany(body: string): Answer {
    let errors = '';
    for (const [, escaped] of body.matchAll(/<Key>([^<]*)<\/Key>/g)) {
      const key = unescapeXml(escaped);
      const code = this.stuck.get(key);
      if (code === undefined) this.objects.delete(key);
      else errors += `<Error><Key>${escaped}</Key><Code>${code}</Code><Message>not now</Message></Error>`;
    }
    return xml(`<DeleteResult>${errors}</DeleteResult>`);
  }
}

export const CREDENTIALS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

interface Answer {
  status: number;
  headers?: Record<string, string | number>;
  body?: Buffer;
}

function xml(text: string): Answer {
  return { status: 200, body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${text}`) };
}

function errorAnswer({
  status,
  code,
  message = 'as the test wants',
  headers,
  more = '',
}: NonNullable<Fault['error']>): Answer {
  const text = `<Error><Code>${code}</Code><Message>${message}</Message>${more}</Error>`;
  return { status, headers, body: Buffer.from(text) };
}

function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

function unescapeXml(text: string): string {
  const names: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(#x?[0-9A-Fa-f]+|\w+);/g, (_, code: string) =>
    code.startsWith('#x')
      ? String.fromCodePoint(Number.parseInt(code.slice(2), 16))
      : code.startsWith('#')
        ? String.fromCodePoint(Number(code.slice(1)))
        : names[code],
  );
}
