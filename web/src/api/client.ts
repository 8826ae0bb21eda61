import axios, { AxiosError, type AxiosInstance, type InternalAxiosRequestConfig } from 'axios'
import type { Tokens } from '../session/tokens'
import { describe } from './failure'

interface Config extends InternalAxiosRequestConfig {
  /** The access token this request was sent with. */
  token?: string
  /** It was sent before, with a token that was refused. */
  repeated?: boolean
}

/** What the API says of a token that it does not accept. Other 401s are about a password or a code, and change nothing. */
const TOKEN_REFUSED = ['UNAUTHORIZED', 'TOKEN_EXPIRED', 'SESSION_ENDED']

/** A client that speaks the person's language. */
export function createClient(baseURL: string, language: () => string): AxiosInstance {
  const client = axios.create({ baseURL })
  client.interceptors.request.use((config) => {
    config.headers.set('Accept-Language', language())
    return config
  })
  return client
}

/**
 * Sends every request with the access token. A refused token is replaced once; when the session turns out to be over,
 * a read is repeated as a guest, so that public pages stay readable.
 */
export function authenticate(client: AxiosInstance, tokens: Tokens) {
  client.interceptors.request.use(async (config: Config) => {
    config.token = await tokens.get()
    if (config.token) config.headers.set('Authorization', `Bearer ${config.token}`)
    else config.headers.delete('Authorization')
    return config
  })
  client.interceptors.response.use(undefined, async (error: unknown) => {
    const config = error instanceof AxiosError ? (error.config as Config | undefined) : undefined
    const refused = TOKEN_REFUSED.includes(describe(error).code)
    if (!refused || !config?.token || config.repeated) throw error
    const token = await tokens.replace(config.token)
    if (!token && config.method !== 'get') throw error
    config.repeated = true
    return client.request(config)
  })
}
