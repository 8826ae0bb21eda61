import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { knowsPasskeys, makePasskey, NoPasskey, showPasskey, type Challenge } from './passkey'

const challenge = { ceremony: 'c1', options: { challenge: 'AAEC' } } as unknown as Challenge
const credentials = { create: vi.fn(), get: vi.fn() }

/** What a browser hands out, and how it reads options. */
class Credential {
  static parseCreationOptionsFromJSON = (json: object) => ({ made: json })
  static parseRequestOptionsFromJSON = (json: object) => ({ asked: json })
  toJSON = () => ({ id: 'k1' })
}

beforeEach(() => {
  vi.stubGlobal('PublicKeyCredential', Credential)
  vi.stubGlobal('navigator', { credentials })
})

afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetAllMocks()
})

it('hands the options of the API to the browser and its answer back', async () => {
  credentials.create.mockResolvedValue(new Credential())
  credentials.get.mockResolvedValue(new Credential())
  const answer = { ceremony: 'c1', credential: { id: 'k1' } }
  expect(await makePasskey(challenge)).toEqual(answer)
  expect(credentials.create).toHaveBeenCalledWith({ publicKey: { made: challenge.options } })
  expect(await showPasskey(challenge)).toEqual(answer)
  expect(credentials.get).toHaveBeenCalledWith({ publicKey: { asked: challenge.options } })
})

it('says why there is none', async () => {
  for (const [cause, reason] of [
    [new DOMException('', 'NotAllowedError'), 'given-up'],
    [new DOMException('', 'InvalidStateError'), 'known'],
    [new DOMException('', 'SecurityError'), 'failed'],
    [new TypeError('no such option'), 'failed'],
  ] as const) {
    credentials.create.mockRejectedValue(cause)
    const error = await makePasskey(challenge).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(NoPasskey)
    expect(error).toMatchObject({ reason, cause })
  }
  credentials.get.mockResolvedValue(null)
  await expect(showPasskey(challenge)).rejects.toMatchObject({ reason: 'failed' })
})

it('asks only browsers that know them', () => {
  expect(knowsPasskeys()).toBe(true)
  vi.stubGlobal('PublicKeyCredential', class {})
  expect(knowsPasskeys()).toBe(false)
  vi.unstubAllGlobals()
  expect(knowsPasskeys()).toBe(false)
})
