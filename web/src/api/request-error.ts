/** A request that was answered with a refusal, or not at all. */
export class RequestError extends Error {
  readonly method: string
  /** Undefined when no answer came. */
  readonly status: number | undefined
  /** What the answer said, where it could be read. */
  readonly body: unknown

  constructor(method: string, status: number | undefined, body: unknown, options?: ErrorOptions) {
    super(status === undefined ? 'no answer came' : `the answer was ${status}`, options)
    this.method = method
    this.status = status
    this.body = body
  }
}
