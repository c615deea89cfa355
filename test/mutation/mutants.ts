/**
 * Mutants of source files: copies with one small fault each. A mutant is a piece of a file's text with another text in its
 * place; the pieces are found in TypeScript's syntax tree. (TypeScript 7 calls the way to that tree unstable: it is used
 * here alone.)
 */
import { resolve } from 'node:path';
import type { Node, SourceFile } from 'typescript/unstable/ast';
import {
  isBinaryExpression,
  isBreakOrContinueStatement,
  isCallExpression,
  isConditionalExpression,
  isExpressionStatement,
  isIfStatement,
  isImportDeclaration,
  isInterfaceDeclaration,
  isNumericLiteral,
  isPostfixUnaryExpression,
  isPrefixUnaryExpression,
  isSuperExpression,
  isThrowStatement,
  isTypeAliasDeclaration,
  isTypeNode,
} from 'typescript/unstable/ast/is';
import { API } from 'typescript/unstable/sync';
import type { Mutant } from './mutant.ts';

/** Operators that take one another's place. */
const SWAPPED: Record<string, string> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '+': '-',
  '-': '+',
  '*': '+',
  '/': '*',
  '%': '*',
  '&': '|',
  '|': '&',
  '^': '|',
  '<<': '>>>',
  '>>': '<<',
  '>>>': '>>',
  '&&': '||',
  '||': '&&',
  '??': '&&',
  '+=': '-=',
  '-=': '+=',
  '|=': '&=',
  '&=': '|=',
};

/** All mutants of some files, file by file and in the order in which they stand there. */
export function mutantsOf(files: readonly string[]): Mutant[] {
  const api = new API({ cwd: process.cwd() });
  try {
    const [project] = api.updateSnapshot({ openProject: resolve('tsconfig.json') }).getProjects();
    return files.flatMap((file) => {
      const source = project.program.getSourceFile(resolve(file));
      if (source === undefined) throw new Error(`${file} is no part of the project`);
      return mutantsIn(file, source);
    });
  } finally {
    api.close();
  }
}

/** Types, the words of errors, and imports are left alone. */
function mutantsIn(file: string, source: SourceFile): Mutant[] {
  const { text } = source;
  const found: Mutant[] = [];
  const replaceText = (start: number, end: number, becomes: string): void => {
    const line = text.slice(0, start).split('\n').length;
    found.push({ file, line, start, end, was: text.slice(start, end), becomes });
  };
  const replace = (node: Node, becomes: string): void => replaceText(node.getStart(source), node.end, becomes);
  const visit = (node: Node): void => {
    if (isThrowStatement(node) || isImportDeclaration(node) || isInterfaceDeclaration(node)) return;
    if (isTypeAliasDeclaration(node) || isTypeNode(node)) return;
    const start = node.getStart(source);
    const own = text.slice(start, node.end);
    if (isBinaryExpression(node)) {
      const other = SWAPPED[text.slice(node.operatorToken.getStart(source), node.operatorToken.end)];
      if (other !== undefined) replace(node.operatorToken, other);
    } else if (isPrefixUnaryExpression(node)) {
      const two = own.slice(0, 2);
      if (two === '++' || two === '--') replaceText(start, start + 2, two === '++' ? '--' : '++');
      else replaceText(start, start + 1, '');
    } else if (isPostfixUnaryExpression(node)) {
      replaceText(node.end - 2, node.end, own.endsWith('++') ? '--' : '++');
    } else if (isIfStatement(node) || isConditionalExpression(node)) {
      const condition = isIfStatement(node) ? node.expression : node.condition;
      replace(condition, 'true');
      replace(condition, 'false');
    } else if (isNumericLiteral(node)) replace(node, `(${own} + 1)`);
    else if (own === 'true' || own === 'false') replace(node, own === 'true' ? 'false' : 'true');
    else if (isBreakOrContinueStatement(node)) replace(node, ';');
    else if (isExpressionStatement(node)) {
      const { expression } = node;
      if (!isCallExpression(expression) || !isSuperExpression(expression.expression)) replace(node, ';');
    }
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}
