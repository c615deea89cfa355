/** A CloudFormation behind real HTTP that knows one stack, or answers with an error. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { RELEASE } from '../../../shared/job/revisions.ts';

export const OUTPUTS = {
  CapturesBucket: 'captures',
  WorkBucket: 'work',
  ResultsBucket: 'results',
  Queues: JSON.stringify({ plan: 'http://127.0.0.1:1/plan.fifo' }),
  Version: RELEASE,
};

export interface FakeStack {
  name: string;
  status?: string;
  outputs?: Record<string, string>;
  /** An error instead of any answer. */
  error?: { status: number; code: string; message: string };
}

/** Starts one for a test, which ends it. @returns its endpoint */
export async function startFakeStack(t: Pick<TestContext, 'after'>, stack: FakeStack): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { status, text } = answer(stack, new URLSearchParams(body));
    response.writeHead(status, { 'content-type': 'text/xml' }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(stack: FakeStack, asked: URLSearchParams): { status: number; text: string } {
  const { name, status = 'CREATE_COMPLETE', outputs = OUTPUTS, error } = stack;
  if (error !== undefined) return { status: error.status, text: errorXml(error.code, error.message) };
  const wanted = asked.get('StackName');
  if (wanted !== name)
    return { status: 400, text: errorXml('ValidationError', `Stack with id ${wanted} does not exist`) };
  const members = Object.entries(outputs).map(
    ([key, value]) =>
      `<member><OutputKey>${key}</OutputKey><OutputValue>${value.replaceAll('"', '&quot;')}</OutputValue></member>`,
  );
  const about = `<StackName>${name}</StackName><StackStatus>${status}</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime>`;
  const stacks = `<Stacks><member>${about}<Outputs>${members.join('')}</Outputs></member></Stacks>`;
  const text = `<DescribeStacksResponse><DescribeStacksResult>${stacks}</DescribeStacksResult></DescribeStacksResponse>`;
  return { status: 200, text };
}

function errorXml(code: string, message: string): string {
  return `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;
}
