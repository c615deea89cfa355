/**
 * Signed requests to services of which a deployment makes a call or two, with the SDK's own signer: a client package
 * each (of Lambda, of Athena) would be megabytes for them.
 */
import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { SignatureV4 } from '@smithy/signature-v4';
import { backOff, environmentEndpoint } from '../../shared/store/aws/awsclient.ts';

/** An answer of AWS that is an error. */
export class AwsError extends Error {
  override name = 'AwsError';
  /** AWS's name of the error, such as AccessDeniedException. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface AwsRequest {
  /** The service's name in its host and signature, such as lambda. */
  service: string;
  /** For a GET: its path. */
  path?: string;
  /** For a call of AWS's JSON protocol: the operation, such as AmazonAthena.GetQueryExecution, and its input. */
  operation?: string;
  input?: object;
}

/** Attempts at a request that is throttled, or that the service failed at. */
const ATTEMPTS = 4;

/**
 * Makes the request with the region and credentials of a client of the SDK.
 * @returns the answer's JSON
 * @throws AwsError as AWS answered; the error of fetch without an answer
 */
export async function awsRequest<T>(
  { config }: Pick<CloudFormationClient, 'config'>,
  { service, path = '/', operation, input = {} }: AwsRequest,
): Promise<T> {
  const region = await config.region();
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = new URL(path, environmentEndpoint(service.toUpperCase()) ?? `https://${service}.${region}.${domain}`);
  const { credentials, sha256 } = config;
  const signer = new SignatureV4({ service, region, credentials, sha256 });
  const body = operation === undefined ? undefined : JSON.stringify(input);
  for (let attempt = 1; ; attempt++) {
    const signed = await signer.sign({
      method: body === undefined ? 'GET' : 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      headers: {
        host: url.host,
        ...(operation && { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': operation }),
      },
      body,
    });
    // fetch writes the host itself.
    const { host: _, ...headers } = signed.headers;
    const answer = await fetch(url, { method: signed.method, headers, body });
    const text = await answer.text();
    if (answer.ok) return JSON.parse(text) as T;
    const error = errorOf(answer, text);
    const passing = answer.status >= 500 || answer.status === 429 || /Throttl|TooManyRequests/.test(error.code);
    if (!passing || attempt === ATTEMPTS) throw error;
    await backOff(attempt);
  }
}

function errorOf(answer: Response, text: string): AwsError {
  let body: { __type?: string; message?: string; Message?: string } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // A proxy's page, or nothing.
  }
  const named = answer.headers.get('x-amzn-errortype') ?? body.__type ?? `HTTP ${answer.status}`;
  return new AwsError(named.split(':')[0].split('#').at(-1)!, body.message ?? body.Message ?? text.slice(0, 200));
}
