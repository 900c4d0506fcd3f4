/** What the client wrote is not in the grammar: tagged BAD, and counted. */
export class SyntaxFault extends Error {
  override readonly name = 'SyntaxFault';
}

/** What the client wrote is in the grammar, but refused: tagged NO with a response code. */
export class RefusedArgument extends Error {
  override readonly name = 'RefusedArgument';
  readonly code: 'BADCHARSET' | 'CANNOT' | 'LIMIT' | 'TOOBIG' | 'USEATTR';

  constructor(code: RefusedArgument['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** The peer is gone, or is being sent away: whatever was under way stops without an answer. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}
