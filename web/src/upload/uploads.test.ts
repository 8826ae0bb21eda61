import axios from 'axios'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Report } from '../api/types'
import { tokens } from '../session/session'
import type { examine } from './check'
import { cancel, dismiss, skip, submit, useUploads } from './uploads'

const NANO = 'n1'
const clean: Report = { accepted: true, content_checked: true, findings: [] }
const words = { message_de: '', message_en: '', hint_de: '', hint_en: '' }
const refused: Report = {
  ...clean,
  accepted: false,
  findings: [{ code: 'PROGRAM', severity: 'reject', entry: 'a.exe', count: 1, ...words }],
}

let seen: string[] = []
let stop = () => {}

/** An API that takes any file. */
beforeEach(async () => {
  seen = []
  // What a page has and Node.js has not.
  vi.stubGlobal('localStorage', { getItem: () => null })
  vi.stubGlobal('navigator', { languages: ['en'] })
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('removeEventListener', () => {})
  const server = createServer((request, response) => {
    let size = 0
    request.on('data', (chunk: Buffer) => (size += chunk.length))
    request.on('end', () => {
      seen.push(`${request.method} ${request.url?.replace('/api/v1', '')} ${size}`)
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify({ data: { id: 'u1', version_id: 'v1' } }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  tokens.set({ access_token: 'token', expires_in: 900 })
  // XMLHttpRequest neither.
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  axios.defaults.baseURL = baseURL
  const overHttp = globalThis.fetch
  vi.stubGlobal('fetch', (url: string, options: RequestInit) => overHttp(baseURL + url, options))
  stop = () => {
    delete axios.defaults.baseURL
    server.closeAllConnections()
    server.close()
  }
})

afterEach(() => {
  stop()
  dismiss(NANO)
  vi.unstubAllGlobals()
})

const transfer = () => useUploads.getState().transfers[NANO]

async function give(check: typeof examine) {
  await submit(NANO, new File(['0123456789'], 'knots.zip'), { format: 'text' }, check)
}

it('sends nothing of a file that the check refuses, and keeps its findings', async () => {
  await give((_, { onDirectory, onProgress }) => {
    onDirectory(refused)
    onProgress(10)
    return Promise.resolve(refused)
  })
  expect(transfer()).toMatchObject({ phase: 'refused', checked: 10, sent: 0, report: refused })
  expect(seen).toEqual([])
})

it('sends a clean file at once, and one that could not be checked', async () => {
  for (const verdict of [clean, undefined]) {
    seen = []
    await give(() => Promise.resolve(verdict))
    expect(seen).toEqual(['PUT /nanos/n1/file?filename=knots.zip 10', 'POST /uploads/u1/finish 0'])
    expect(transfer()).toMatchObject({ phase: 'done', versionId: 'v1', report: undefined })
  }
})

/** A check that lasts until it is stopped. */
const endless: typeof examine = (_, { signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))

it('sends a file whose check is skipped', async () => {
  const submitted = give(endless)
  expect(transfer()).toMatchObject({ phase: 'checking', checked: 0 })
  skip(NANO)
  await submitted
  expect(seen).toHaveLength(2)
  expect(transfer()?.phase).toBe('done')
})

it('forgets a file whose check is cancelled', async () => {
  const submitted = give(endless)
  cancel(NANO)
  await submitted
  expect(seen).toEqual([])
  expect(transfer()).toBeUndefined()
})
