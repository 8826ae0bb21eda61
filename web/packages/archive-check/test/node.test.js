/** What scripts get: files, descriptors and bytes, progress, errors as they are. */

import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { ahead } from '../src/ahead.js'
import { begin } from '../src/check.js'
import { CheckFailed, checkArchive, checkDirectory, explain } from '../src/node.js'

const folder = mkdtempSync(join(tmpdir(), 'archive-check-'))
after(() => rmSync(folder, { recursive: true }))

/** An archive of stored files. */
function zip(files) {
  const parts = []
  const directory = []
  let offset = 0
  for (const [name, content] of Object.entries(files)) {
    const raw = Buffer.from(name)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(0x0800, 2)
    fields.writeUInt32LE(crc32(content), 10)
    fields.writeUInt32LE(content.length, 14)
    fields.writeUInt32LE(content.length, 18)
    fields.writeUInt16LE(raw.length, 22)
    parts.push(Buffer.from('PK\x03\x04'), fields, raw, content)
    const more = Buffer.alloc(14)
    more.writeUInt32LE(offset, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, more, raw)
    offset += 30 + raw.length + content.length
  }
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(Object.keys(files).length, 8)
  end.writeUInt16LE(Object.keys(files).length, 10)
  end.writeUInt32LE(Buffer.concat(directory).length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, ...directory, end])
}

const good = zip({ 'Übung.txt': Buffer.from('Grüße\n') })
const large = zip({ 'a.txt': Buffer.alloc(8 << 20, 'Lernziel\n'), 'b.txt': Buffer.from('end\n') })

test('paths, descriptors and bytes are read alike', () => {
  const path = join(folder, 'good.zip')
  writeFileSync(path, good)
  const report = checkArchive(path)
  assert.equal(report.accepted, true)
  assert.deepEqual(
    report.entries.map(({ name, size }) => [name, size]),
    [['Übung.txt', 8]],
  )
  const descriptor = openSync(path)
  assert.deepEqual(checkArchive(descriptor), report)
  closeSync(descriptor)
  assert.deepEqual(checkArchive(good), report)
  assert.deepEqual(checkArchive(new URL(`file://${path}`)), report)
})

test('a refusal has its code, its entry and its words', () => {
  const report = checkArchive(zip({ '../a.txt': Buffer.from('a'), 'b.js': Buffer.from('b()') }))
  assert.equal(report.accepted, false)
  assert.deepEqual(
    report.findings.map(({ code, entry }) => [code, entry]),
    [
      ['PATH_TRAVERSAL', '../a.txt'],
      ['SCRIPT_NOT_ALLOWED', 'b.js'],
    ],
  )
  const [first] = report.findings
  assert.deepEqual(explain(first, 'de'), { message: first.message_de, hint: first.hint_de })
  assert.deepEqual(explain(first, 'en'), { message: first.message_en, hint: first.hint_en })
})

test('the format decides about scripts, and must be one', () => {
  const scripts = zip({ 'b.js': Buffer.from('b()') })
  assert.equal(checkDirectory(scripts, { format: 'quiz' }).rejected, false)
  assert.equal(checkDirectory(scripts, { format: 'video' }).rejected, true)
  for (const format of ['scorm', 'toString', ''])
    assert.throws(() => checkArchive(scripts, { format }), TypeError)
})

test('the directory needs the end of the file alone, the content all of it once', () => {
  let [reads, bytes] = [0, 0]
  const source = {
    size: large.length,
    read(offset, target) {
      ;[reads, bytes] = [reads + 1, bytes + target.length]
      target.set(large.subarray(offset, offset + target.length))
    },
    progress: () => true,
  }
  const check = begin(source, false)
  assert.ok(bytes < 70_000 && reads <= 4, `${bytes} bytes in ${reads} reads`)
  assert.deepEqual([check.verdict.rejected, check.verdict.readable, check.verdict.entries], [false, true, 2])
  assert.equal(check.verdict.report.accepted, false)
  ;[reads, bytes] = [0, 0]
  assert.equal(check.content().accepted, true)
  assert.ok(bytes <= large.length && reads < 50, `${bytes} bytes in ${reads} reads`)
})

test('progress rises to the end, and can stop the check', () => {
  const told = []
  checkArchive(large, { onProgress: (done, total) => void told.push([done, total]) })
  assert.ok(told.length > 7)
  assert.deepEqual(told.at(-1), [large.length, large.length])
  assert.ok(told.every(([done], place) => place === 0 || done >= told[place - 1][0]))
  let calls = 0
  const stop = () => ((calls += 1), false)
  assert.throws(() => checkArchive(large, { onProgress: stop }), CheckFailed)
  assert.equal(calls, 1)
})

test('a file that cannot be read is no finding', () => {
  assert.throws(
    () => checkArchive(join(folder, 'missing.zip')),
    (error) => error instanceof CheckFailed && error.cause.code === 'ENOENT',
  )
  assert.throws(() => checkArchive(folder), CheckFailed)
  const broken = new Error('the stick was pulled out')
  const source = {
    size: 1_000,
    read: () => {
      throw broken
    },
    progress: () => true,
  }
  assert.throws(
    () => begin(source, false),
    (error) => error === broken,
  )
})

test('a browser reads ahead where the check goes on, and no more than it is asked for elsewhere', () => {
  const ranges = []
  const read = ahead(large.length, (from, to) => {
    ranges.push([from, to])
    return new Uint8Array(large.subarray(from, to)).buffer
  })
  const check = begin({ size: large.length, read, progress: () => true }, false)
  assert.ok(ranges.length <= 4 && ranges.every(([from, to]) => to - from < 70_000), `${ranges}`)
  ranges.length = 0
  assert.deepEqual(check.content(), checkArchive(large))
  assert.ok(ranges.length < 10, `${ranges.length} reads`)
  assert.ok(ranges.every(([from, to]) => to - from <= 8 << 20))
  // From any place to any other.
  let place = 1
  for (let count = 0; count < 300; count += 1) {
    place = (place * 48_271) % 0x7fffffff
    const target = new Uint8Array(place % 90_000)
    const offset = place % (large.length - target.length)
    read(offset, target)
    assert.ok(large.subarray(offset, offset + target.length).equals(target))
  }
  assert.throws(() => ahead(10, () => new ArrayBuffer(4))(0, new Uint8Array(10)), /shorter than it was/)
})
