import { checkArchive } from '@nano/archive-check/node'
import { expect, it, vi } from 'vitest'
import { examine, refuses, type Examination } from './check'

/** An archive of one stored file. */
function zip(name: string, content: string): Blob {
  const encoder = new TextEncoder()
  const [raw, body] = [encoder.encode(name), encoder.encode(content)]
  const u16 = (...numbers: number[]) => numbers.flatMap((number) => [number & 255, number >> 8])
  const u32 = (...numbers: number[]) => numbers.flatMap((number) => u16(number & 0xffff, number >>> 16))
  const fields = [
    ...u16(20, 0x800, 0, 0, 0),
    ...u32(crc32(body), body.length, body.length),
    ...u16(raw.length, 0),
  ]
  const local = [...u32(0x04034b50), ...fields, ...raw, ...body]
  const central = [...u32(0x02014b50), ...u16(20), ...fields, ...u16(0, 0, 0), ...u32(0, 0), ...raw]
  const end = [...u32(0x06054b50), ...u16(0, 0, 1, 1), ...u32(central.length, local.length), ...u16(0)]
  return new Blob([new Uint8Array([...local, ...central, ...end])])
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

/** The check as pages have it, here without a worker. */
const source = () =>
  Promise.resolve(async (file: Blob, options = {}) =>
    checkArchive(new Uint8Array(await file.arrayBuffer()), options),
  )

function examination(change: Partial<Examination> = {}): Examination {
  return {
    format: 'text',
    signal: new AbortController().signal,
    onDirectory: () => {},
    onProgress: () => {},
    ...change,
  }
}

it('tells what the server would refuse, the directory first', async () => {
  const onDirectory = vi.fn<Examination['onDirectory']>()
  const onProgress = vi.fn()
  const file = zip('start.exe', 'MZ')
  const report = await examine(file, examination({ onDirectory, onProgress }), { source })
  expect(report?.findings.map(({ code, entry }) => [code, entry])).toEqual([['PROGRAM', 'start.exe']])
  expect(report && refuses(report)).toBe(true)
  expect(onDirectory.mock.calls.map(([first]) => refuses(first))).toEqual([true])
  expect(onProgress).toHaveBeenLastCalledWith(file.size, file.size)
})

it('lets pass what the server accepts, by the format of the nano', async () => {
  const script = zip('a.js', 'a()')
  const verdict = async (format: Examination['format']) =>
    (await examine(script, examination({ format }), { source }))?.accepted
  expect(await verdict('interactive')).toBe(true)
  expect(await verdict('text')).toBe(false)
})

it('has no verdict where the check cannot run', async () => {
  const file = zip('a.txt', 'a')
  // Node.js has no Worker, as old browsers have none.
  expect(await examine(file, examination())).toBeUndefined()
  const broken = () => Promise.reject(new Error('the worker was not found'))
  expect(await examine(file, examination(), { source: broken })).toBeUndefined()
  expect(await examine(file, examination(), { source: () => Promise.resolve(broken) })).toBeUndefined()
})

it('waits for the first word for a while, then for the rest however long it takes', async () => {
  const file = zip('a.txt', 'a')
  const silent = () => new Promise<never>(() => {})
  expect(await examine(file, examination(), { source: silent, patienceMs: 5 })).toBeUndefined()
  const slow: typeof source = async () => {
    const check = await source()
    return async (file, options) => {
      const report = await check(file, options)
      await new Promise((resolve) => setTimeout(resolve, 50))
      return report
    }
  }
  expect(await examine(file, examination(), { source: slow, patienceMs: 20 })).toMatchObject({
    accepted: true,
  })
})

it('ends with its signal, before and while it runs', async () => {
  const file = zip('a.txt', 'a')
  const stop = new AbortController()
  const running = examine(file, examination({ signal: stop.signal }), {
    source: () => new Promise<never>(() => {}),
  })
  stop.abort('enough')
  await expect(running).rejects.toBe('enough')
  await expect(examine(file, examination({ signal: stop.signal }), { source })).rejects.toBe('enough')
})
