/** Clients of S3. */
import { S3Client } from '@aws-sdk/client-s3';
import { type ClientOptions, clientSettings, hasOwnEndpoint } from './awsclient.ts';

/**
 * A client of S3. At another endpoint than AWS's own the bucket stands in the path, since its name as part of
 * the host's would have to be known to the DNS.
 */
export function s3Client(options: ClientOptions = {}): S3Client {
  return new S3Client({
    ...clientSettings(options),
    forcePathStyle: hasOwnEndpoint('S3', options),
    // What is uploaded carries a CRC-32 that S3 compares before it takes the object.
    requestChecksumCalculation: 'WHEN_SUPPORTED',
    // S3 has checksums for whole objects, and nearly all that is read are ranges, or objects so large that
    // checking would cost as much as reading. TLS guards the bytes on the way, and batches of a run carry their own.
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The SDK would make a new connection for every upload of which it first asks whether it is welcome.
    expectContinueHeader: false,
  });
}
