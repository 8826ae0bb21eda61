import type { TokenPair } from '../api/types'

/** An access token this close to its end is renewed before it is used. */
const MARGIN_MS = 30_000

export interface TokenSource {
  /** Exchanges the refresh cookie for tokens. Rejects when that did not work; see `refused`. */
  exchange(): Promise<TokenPair>
  /** Whether a rejection means that the session is over, as opposed to a network or server in trouble. */
  refused(error: unknown): boolean
  /** Runs one exchange at a time across all tabs: a refresh token that is used twice ends the session. */
  exclusively<T>(work: () => Promise<T>): Promise<T>
  /** The session is over. */
  lost(): void
  now(): number
}

/**
 * The access token, in memory only, and the single place where it is renewed: whoever asks while an exchange is
 * under way waits for that one.
 */
export class Tokens {
  #source: TokenSource
  #token: { value: string; expiresAt: number } | undefined
  #exchange: Promise<string | undefined> | undefined
  /** There is a session, whether or not its access token is at hand. */
  #open = false

  constructor(source: TokenSource) {
    this.#source = source
  }

  /** Whether there should be a session. */
  get open() {
    return this.#open
  }

  /** After signing in. */
  set(pair: TokenPair) {
    this.#open = true
    this.#token = { value: pair.access_token, expiresAt: this.#source.now() + pair.expires_in * 1000 }
  }

  /** There should be a session from an earlier visit; its first token comes with the first `get`. */
  resume() {
    this.#open = true
  }

  clear() {
    this.#open = false
    this.#token = undefined
  }

  /** A token that is good for a while, or undefined when nobody is signed in. */
  async get(): Promise<string | undefined> {
    if (!this.#open) return undefined
    if (this.#token && this.#token.expiresAt - this.#source.now() > MARGIN_MS) return this.#token.value
    return this.#renew()
  }

  /** Another token than `refused`, which the API did not accept; undefined when the session is over. */
  async replace(refused: string): Promise<string | undefined> {
    if (!this.#open) return undefined
    if (this.#token && this.#token.value !== refused) return this.#token.value
    return this.#renew()
  }

  #renew() {
    this.#exchange ??= this.#exchangeOnce().finally(() => (this.#exchange = undefined))
    return this.#exchange
  }

  async #exchangeOnce() {
    try {
      const pair = await this.#source.exclusively(() => this.#source.exchange())
      // Signed out meanwhile: what came back is not ours any more.
      if (!this.#open) return undefined
      this.set(pair)
      return pair.access_token
    } catch (error) {
      if (!this.#source.refused(error)) throw error
      if (this.#open) {
        this.clear()
        this.#source.lost()
      }
      return undefined
    }
  }
}
