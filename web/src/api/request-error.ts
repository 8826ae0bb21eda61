/** A request that was answered with a refusal, or not at all. */
export class RequestError extends Error {
  /** Of the request: what the answer says is in it. */
  readonly language: string
  /** Undefined when no answer came. */
  readonly status: number | undefined
  /** What the answer said, where it could be read. */
  readonly body: unknown

  constructor(language: string, status: number | undefined, body: unknown, options?: ErrorOptions) {
    super(status === undefined ? 'no answer came' : `the answer was ${status}`, options)
    this.language = language
    this.status = status
    this.body = body
  }
}
