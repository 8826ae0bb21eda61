import type { Schemas } from '@nano/api-client'

export type Challenge = Schemas['Challenge']

/** What an authenticator says to a challenge. */
export interface PasskeyAnswer {
  ceremony: string
  credential: object
}

/** The browser has made or found none. */
export class NoPasskey extends Error {
  /** `given-up`: by its owner, or because it took too long. `known`: this device has one for the account already. */
  readonly reason: 'given-up' | 'known' | 'failed'

  constructor(cause: unknown) {
    super('no passkey', { cause })
    const name = cause instanceof DOMException ? cause.name : ''
    this.reason = name === 'NotAllowedError' ? 'given-up' : name === 'InvalidStateError' ? 'known' : 'failed'
  }
}

/** Whether this browser knows passkeys, and this page may use them: only those of secure contexts may. */
export const knowsPasskeys = () =>
  'PublicKeyCredential' in globalThis && 'parseCreationOptionsFromJSON' in PublicKeyCredential

/** Has the person make a passkey. */
export const makePasskey = ({ ceremony, options }: Challenge) =>
  answer(ceremony, () => {
    const json = options as unknown as PublicKeyCredentialCreationOptionsJSON
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json) })
  })

/** Has the person answer with a passkey. */
export const showPasskey = ({ ceremony, options }: Challenge) =>
  answer(ceremony, () => {
    const json = options as unknown as PublicKeyCredentialRequestOptionsJSON
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(json) })
  })

async function answer(ceremony: string, ask: () => Promise<Credential | null>): Promise<PasskeyAnswer> {
  let credential
  try {
    credential = await ask()
  } catch (error) {
    throw new NoPasskey(error)
  }
  if (!(credential instanceof PublicKeyCredential)) throw new NoPasskey(undefined)
  return { ceremony, credential: credential.toJSON() as object }
}
