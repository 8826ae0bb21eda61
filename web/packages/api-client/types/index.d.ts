import type { Client, ClientOptions } from 'openapi-fetch'
import type { components, operations, paths } from './schema'

export type { components, operations, paths }

/** What the document calls its shapes, by name: `Schemas['Nano']`. */
export type Schemas = components['schemas']

export interface Options extends ClientOptions {
  /** Where the API is, without a path: https://nano.example */
  baseUrl: string
  /** Asked for each request; without a token it goes as a guest's. */
  accessToken?: () => string | undefined | Promise<string | undefined>
}

/** Errors as in the envelope: problem documents are for those who ask for them. */
export type NanoClient = Client<paths, 'application/json'>

/** Paths, parameters, bodies and answers of every call are those of the OpenAPI document. */
export function createNanoClient(options: Options): NanoClient
