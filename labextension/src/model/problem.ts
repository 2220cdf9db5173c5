import { type IProblem, RequestError } from '../api/client';

/** Problems that pass: the server, or the way to it, is not as it should be at the moment. */
const PASSING = new Set(['unreachable', 'server-busy', 'no-answer']);

/** Return whether what could not be done may work in a moment, with nothing mended. */
export function isPassing(problem: IProblem): boolean {
  return PASSING.has(problem.code);
}

/** Return whatever was thrown as something that can be told. */
export function asProblem(error: unknown): IProblem {
  return error instanceof RequestError
    ? error
    : { code: 'defect', message: String(error), hints: [] };
}
