import { ofType, type Resource, synthesized, theOne } from './template.ts';

export const plain = synthesized().pipelineTemplate;
export const KEYS = ['arn:aws:kms:eu-west-1:123456789012:key/0a1b', 'arn:aws:kms:eu-west-1:123456789012:key/2c3d'];
export const existing = synthesized({
  existingCaptures: 'their-captures',
  capturesKeyArns: KEYS.join(),
}).pipelineTemplate;

export const FIFO = ['Plan', 'Balance', 'Commit'];
export const STANDARD = ['Map', 'Merge', 'Reduce', 'Publish'];
export const STAGE_QUEUES = [...FIFO, ...STANDARD];

export const queue = (id: string, template = plain): Resource => theOne(template, 'AWS::SQS::Queue', `Queue${id}`)[1];
export const queueArn = (id: string): unknown => ({
  'Fn::GetAtt': [theOne(plain, 'AWS::SQS::Queue', `Queue${id}`)[0], 'Arn'],
});
export const bucket = (id: string, template = plain): Resource => theOne(template, 'AWS::S3::Bucket', `Bucket${id}`)[1];
export const functionOf = (name: string, template = plain): [string, Resource] =>
  theOne(template, 'AWS::Lambda::Function', `Function${name.replaceAll('-', '')}Function`);
export const feedsOf = (name: string, template = plain): Resource[] =>
  ofType(template, 'AWS::Lambda::EventSourceMapping')
    .map(([, mapping]) => mapping)
    .filter(({ Properties }) => Properties.FunctionName.Ref === functionOf(name, template)[0]);
