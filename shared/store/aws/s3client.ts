/** Clients of S3. */
import { S3Client } from '@aws-sdk/client-s3';
import { type ClientOptions, clientSettings, hasOwnEndpoint } from './awsclient.ts';

/**
 * A client of S3. With another endpoint than AWS's, the bucket is in the path, since a host name with the bucket in it
 * would have to resolve in DNS.
 */
export function s3Client(options: ClientOptions = {}): S3Client {
  return new S3Client({
    ...clientSettings(options),
    forcePathStyle: hasOwnEndpoint('S3', options),
    // Uploads carry a CRC-32 that S3 verifies before it stores the object.
    requestChecksumCalculation: 'WHEN_SUPPORTED',
    // S3 has checksums of whole objects only; nearly all reads are of ranges, or of objects so large that checking
    // would cost as much as reading. TLS protects the bytes in transit, and record batches have checksums of their own.
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With Expect: 100-continue the SDK opens a new connection for every upload.
    expectContinueHeader: false,
  });
}
