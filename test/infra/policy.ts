/** The policies of a template's roles, asked as IAM would be: may this call be made on that resource? */
import type { FunctionName } from '../../infra/functions.ts';
import { ofType, type Template, theOne } from './template.ts';

export interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

const listed = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** A value of a template as text: references as the logical id, a bucket's ARN as `arn:BucketWork1234`. */
export function resolved(value: unknown): string {
  if (typeof value === 'string') return value;
  const {
    Ref,
    'Fn::GetAtt': attribute,
    'Fn::Join': join,
  } = value as {
    Ref?: string;
    'Fn::GetAtt'?: [string, string];
    'Fn::Join'?: [string, unknown[]];
  };
  if (attribute !== undefined) return `arn:${attribute[0]}`;
  return join === undefined ? `<${Ref}>` : join[1].map(resolved).join(join[0]);
}

/** The statements of a function's role. */
export function statementsOf(template: Template, name: FunctionName): Statement[] {
  const [, { Properties }] = theOne(template, 'AWS::IAM::Role', `Function${name.replaceAll('-', '')}Role`);
  return Properties.Policies.flatMap(
    ({ PolicyDocument }: { PolicyDocument: { Statement: Statement[] } }) => PolicyDocument.Statement,
  );
}

const matches = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replaceAll(/[.+?^$()|[\]{}\\]/g, '\\$&'))
      .join('.*')}$`,
    's',
  ).test(text);

/**
 * Whether a statement allows a call.
 * @param keys of the request, such as s3:prefix: a condition on one that is missing holds only for ...IfExists
 */
export function allows(
  statements: readonly Statement[],
  action: string,
  resource: string,
  keys: Record<string, string> = {},
): boolean {
  return statements.some(
    ({ Effect, Action, Resource, Condition = {} }) =>
      Effect === 'Allow' &&
      listed(Action).includes(action) &&
      listed(Resource).some((pattern) => matches(resolved(pattern), resource)) &&
      Object.entries(Condition).every(([operator, wanted]) =>
        Object.entries(wanted).every(([key, patterns]) => {
          if (!operator.startsWith('StringLike')) throw new Error(`the condition ${operator} is not known here`);
          if (keys[key] === undefined) return operator.endsWith('IfExists');
          return listed(patterns).some((pattern) => matches(String(pattern), keys[key]));
        }),
      ),
  );
}

/** ARN, as `resolved` has it, of the one bucket or queue whose logical id begins so. */
export function arnOf(template: Template, type: 'AWS::S3::Bucket' | 'AWS::SQS::Queue', begin: string): string {
  return `arn:${theOne(template, type, begin)[0]}`;
}

/** All statements of all functions' roles, with whose they are. */
export function allStatements(template: Template): { role: string; statement: Statement }[] {
  return ofType(template, 'AWS::IAM::Role').flatMap(([role, { Properties }]) =>
    (Properties.Policies ?? []).flatMap(({ PolicyDocument }: { PolicyDocument: { Statement: Statement[] } }) =>
      PolicyDocument.Statement.map((statement) => ({ role, statement })),
    ),
  );
}
